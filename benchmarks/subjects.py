"""One shape in materials, ready to be drawn by Blender: what the benchmarks of rendering work on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from materials.cache import map_files
from pipeline.appearance.assignment import assign_materials
from pipeline.appearance.config import MaterialsConfig
from pipeline.appearance.library import Library, make_library
from pipeline.errors import PipelineError
from pipeline.rendering.job import Job, Surface
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.shape import Shape
from pipeline.shapes.sources import parse_source
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View, ViewSelector


@dataclass(frozen=True)
class Subject:
    """One shape with its materials. maps: folder of the materials' maps."""

    shape: Shape
    library: Library
    maps: Path
    views: ViewsConfig

    def surfaces(self, names: Sequence[str]) -> dict[str, Surface]:
        """Material name -> its files and scale."""
        radius = MaterialsConfig().metres_per_radius
        swatches = [self.library[name] for name in sorted(set(names))]
        return {s.name: Surface(map_files(self.maps / s.folder), s.tile / radius, s.finish) for s in swatches}

    def choose_views(self, count: int) -> list[View]:
        """The first ``count`` views of the intact shape: cameras, lights, textures, depth and part ids."""
        views = ViewSelector(self.shape, self.views, 0).select([((), count)]).views
        if len(views) < count:
            raise PipelineError(f"shape {self.shape.shape_id}: {len(views)} of {count} views pass; take another one")
        return list(views)

    def job(self, views: Sequence[View]) -> Job:
        """What to draw: these views, each in the materials of its texture id, and the reference views."""
        ids = {view.texture for view in views}
        textures = {i: assign_materials(self.shape, i, self.library, 0).materials for i in sorted(ids)}
        surfaces = self.surfaces([name for parts in textures.values() for name in parts.values()])
        reference = make_reference_views(self.shape, self.views, 0)
        return Job(self.shape, [], views, reference, textures, surfaces)


def usual_source(synthetic: int) -> str:
    """The folder that L3D_PARTNET names; without it, so many synthetic chairs."""
    partnet = os.environ.get("L3D_PARTNET")
    return f"partnet:{partnet}" if partnet else f"synthetic:{synthetic}"


def load_subjects(
    source: str, views: ViewsConfig, maps: Path, scratch: Path, only: str | None = None
) -> Iterator[Subject]:
    """All shapes of a source, or one of them; makes what ``maps`` lacks of all materials' maps."""
    library, _ = make_library(MaterialsConfig(), views, maps)
    shapes = parse_source(source, 0, scratch, ShapesConfig())
    for shape_id in [only] if only else shapes.ids():
        yield Subject(shapes.read(shape_id), library, maps, views)

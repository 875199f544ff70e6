"""Ray casting a view against path tracing it: why views are chosen before Blender starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.table import report, seconds
from materials.cache import map_files
from pipeline.anomalies.anomaly import part_meshes
from pipeline.appearance.assignment import assign_materials
from pipeline.appearance.config import MaterialsConfig
from pipeline.appearance.library import make_library
from pipeline.geometry.raycast import RayScene
from pipeline.rendering.blender import draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.shape import flatten
from pipeline.shapes.sources import parse_source
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import ViewSelector

VIEWS = ViewsConfig(reference_views=1, surface_points=10)


def main() -> None:
    """One synthetic chair of each of four families, one thread."""
    times: dict[str, list[float]] = {"path trace, 16 samples": [], "ray cast": [], "build ray scene": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        library, _ = make_library(MaterialsConfig(), VIEWS, folder / "maps")
        source = parse_source("synthetic:4", 0, folder / "source", ShapesConfig())
        for shape_id in source.ids():
            shape = source.read(shape_id)
            soup = flatten(part_meshes(shape))
            times["build ray scene"] += seconds(lambda soup=soup: RayScene(soup), 5)  # type: ignore[misc]
            views = ViewSelector(shape, VIEWS, 0).select([((), 4)]).views
            scene = RayScene(soup)
            for view in views:
                times["ray cast"] += seconds(lambda s=scene, v=view: s.render(v.camera), 5)  # type: ignore[misc]
            textures = {v.texture: assign_materials(shape, v.texture, library, 0).materials for v in views}
            worn = [library[name] for name in sorted({n for parts in textures.values() for n in parts.values()})]
            surfaces = {s.name: Surface(map_files(folder / "maps" / s.folder), s.tile, s.finish) for s in worn}
            job = Job(shape, [], views, make_reference_views(shape, VIEWS, 0), textures, surfaces)
            path = write_job(folder, job, VIEWS, RenderConfig(), threads=1)
            spent = seconds(lambda path=path: draw(path, 3600), 1)[0]  # type: ignore[misc]
            times["path trace, 16 samples"] += [spent / len(views)] * len(views)
    report("look_before_trace", times, "path trace, 16 samples")

"""Ray casting a view against path tracing it: why views are chosen before Blender starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.table import report, seconds
from materials.cache import ensure_maps
from materials.catalogue import load_catalogue
from pipeline.anomalies.anomaly import part_meshes
from pipeline.appearance.assignment import assign_materials
from pipeline.config import RenderConfig, ShapesConfig, ViewsConfig
from pipeline.geometry.raycast import RayScene
from pipeline.rendering.blender import draw
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.shapes.shape import flatten
from pipeline.shapes.sources import parse_source
from pipeline.views.reference import make_reference_views
from pipeline.views.select import ViewSelector

VIEWS = ViewsConfig(reference_views=1, surface_points=10)


def main() -> None:
    """One synthetic chair of each of four families, one thread."""
    times: dict[str, list[float]] = {"path trace, 16 samples": [], "ray cast": [], "build ray scene": []}
    catalogue = load_catalogue()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = parse_source("synthetic:4", 0, folder / "source", ShapesConfig())
        for shape_id in source.ids():
            shape = source.read(shape_id)
            soup = flatten(part_meshes(shape))
            times["build ray scene"] += seconds(lambda soup=soup: RayScene(soup), 5)  # type: ignore[misc]
            views = ViewSelector(shape, VIEWS, 0).select([((), 4)]).views
            scene = RayScene(soup)
            for view in views:
                times["ray cast"] += seconds(lambda s=scene, v=view: s.render(v.camera), 5)  # type: ignore[misc]
            textures = {v.texture: assign_materials(shape, v.texture, catalogue, 0).materials for v in views}
            worn = [catalogue[name] for name in sorted({n for parts in textures.values() for n in parts.values()})]
            surfaces = {m.name: Surface(ensure_maps(m, 256, folder / "maps"), m.tile_size) for m in worn}
            job = Job(shape, [], views, make_reference_views(shape, VIEWS, 0), textures, surfaces)
            path = write_job(folder, job, VIEWS, RenderConfig(), threads=1)
            spent = seconds(lambda path=path: draw(path, 3600), 1)[0]  # type: ignore[misc]
            times["path trace, 16 samples"] += [spent / len(views)] * len(views)
    report("look_before_trace", times, "path trace, 16 samples")

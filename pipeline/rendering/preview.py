"""Pictures of materials, each on the same neutral object, to be looked at."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from materials.cache import map_files
from pipeline.appearance.library import Swatch
from pipeline.geometry.raycast import RayScene
from pipeline.rendering.blender import draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.shapes.shape import Part, Shape, flatten
from pipeline.shapes.synthetic.solids import pad, placed, sweep
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View
from pipeline.views.visibility import object_mask

#: What the object's radius is taken for, in metres: a seat cushion of 0.5 m with a short leg.
METRES_PER_RADIUS = 0.32
VIEWS = ViewsConfig(resolution=144, focal_mm=43.5, reference_views=1, surface_points=1)
#: Where the camera stands, and the light set-up: from the left.
AZIMUTH, ELEVATION, LIGHT = 30.0, 32.0, 2
COLUMNS, CAPTION = 10, 14


def preview(swatches: Sequence[Swatch], cache_dir: Path, render: RenderConfig, threads: int) -> NDArray[np.uint8]:
    """(n, S, S, 3) images of a cushion and a round leg in each material. ``cache_dir`` holds the maps."""
    shape = _object()
    view = _view(shape)
    surfaces = {
        s.name: Surface(map_files(cache_dir / s.folder), s.tile / METRES_PER_RADIUS, s.finish) for s in swatches
    }
    parts = [part.part_id for part in shape.parts]
    job = Job(
        shape=shape,
        anomalies=[],
        views=[replace(view, name=s.name, texture=number) for number, s in enumerate(swatches)],
        reference=make_reference_views(shape, VIEWS, 0),
        textures={number: dict.fromkeys(parts, s.name) for number, s in enumerate(swatches)},
        surfaces=surfaces,
    )
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        return draw(write_job(Path(folder), job, VIEWS, render, threads), render.timeout_seconds).query


def sheet(swatches: Sequence[Swatch], images: NDArray[np.uint8]) -> Image.Image:
    """One contact sheet, every image under its material's name."""
    size = VIEWS.resolution
    rows = -(-len(swatches) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * size, rows * (size + CAPTION)), "white")
    pen = ImageDraw.Draw(page)
    for number, (swatch, image) in enumerate(zip(swatches, images, strict=True)):
        x, y = number % COLUMNS * size, number // COLUMNS * (size + CAPTION)
        page.paste(Image.fromarray(image), (x, y + CAPTION))
        pen.text((x + 3, y + 1), swatch.name, fill="black")
    return page


def _object() -> Shape:
    """Flat, curved and thin: a cushion, and a round leg that leans on it."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    # A superellipse: nearly square, with round corners.
    corner = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outline = 0.72 * np.sign(corner) * np.abs(corner) ** 0.5
    cushion = placed(pad(outline, 0.34, 0.12, crown=(0.0, 0.1)), (-0.12, -0.3, 0.0))
    circle = np.stack([np.cos(angle[::2]), np.sin(angle[::2])], axis=1)
    leg = sweep(np.array([[0.74, -0.47, 0.35], [0.6, 0.62, -0.35]]), circle, scale=[0.10, 0.13], bevel=0.02)
    # What is seen from above has its middle a little in front of and below the box's.
    middle = trimesh.util.concatenate([cushion, leg]).bounds.mean(axis=0) - (0.0, 0.2, 0.0)
    meshes: list[trimesh.Trimesh] = [placed(cushion, -middle), placed(leg, -middle)]
    return Shape("preview", "", "", tuple(Part(i, "preview", i - 1, (0, i), m) for i, m in enumerate(meshes, 1)))


def _view(shape: Shape) -> View:
    camera = orbit_camera(VIEWS, AZIMUTH, ELEVATION)
    image = RayScene(flatten((p.part_id, p.mesh) for p in shape.parts)).render(camera)
    mask = object_mask(image)
    return View("", (), AZIMUTH, ELEVATION, VIEWS.radius, LIGHT, 0, camera, image, mask, mask)

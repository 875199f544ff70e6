"""Things lie in Blender's images where the stored cameras put them: tiny cubes at known places, and real chairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.anomalies.anomaly import part_meshes
from pipeline.config import RenderConfig, ViewsConfig
from pipeline.geometry.cameras import Camera, look_at_origin, project
from pipeline.geometry.raycast import RayScene
from pipeline.rendering.blender import Drawn, draw
from pipeline.rendering.job import Job, write_job
from pipeline.shapes.shape import Part, Shape, flatten
from pipeline.views.cameras import intrinsics
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View
from pipeline.views.visibility import object_mask
from tests.rendering.test_blender import surface
from tests.scenes import cube
from tests.subjects import CHAIRS, Subject, make_subject

CONFIG = ViewsConfig(resolution=128, reference_views=3, surface_points=1)
RENDER = RenderConfig(samples=16, reference_samples=16)
#: Where the cubes are: far from the axis and near it, before, behind, above and below.
PLACES = (
    (0.0, 0.0, 0.0), (0.6, 0.5, 0.1), (-0.7, 0.3, 0.2), (0.55, -0.5, -0.3), (-0.5, -0.55, 0.4), (0.1, 0.75, -0.4),
    (0.3, 0.1, 0.75), (-0.2, -0.2, -0.75), (0.85, 0.0, 0.2),
)  # fmt: skip
ORBIT = ((0.0, 0.0), (36.0, 30.0), (144.0, 20.0), (234.0, 40.0), (300.0, -25.0))


def test_cubes_are_seen_where_the_stored_camera_projects_them(tmp_path: Path) -> None:
    parts = tuple(Part(i, "thing/cube", i - 1, (0, i), cube(place, 0.08)) for i, place in enumerate(PLACES, 1))
    shape = Shape("cubes", "cubes", "Thing", parts)
    print(len(parts))
    views = [view(shape, camera) for camera in cameras()]
    reference = make_reference_views(shape, CONFIG, 0)
    job = Job(shape, [], views, reference, *black(shape, tmp_path))
    drawn = draw(write_job(tmp_path, job, CONFIG, RENDER, threads=1), 300)
    import os
    if os.environ.get("DUMP"): np.savez(os.environ["DUMP"], query=drawn.query, index=drawn.index, reference=drawn.reference)
    for v, index, query in zip(views, drawn.index, drawn.query):
        ids = range(1, len(parts) + 1)
        px, _ = project(v.camera, np.array(PLACES))
        yx = np.array(ndimage.center_of_mass(index > 0, index, ids))[:, ::-1] + 0.5
        print("index", np.round(yx - px, 2).tolist(), (yx-px).mean(0))
        print("photo", offsets(255.0 - query.mean(axis=2), px))
    for i, image in enumerate(drawn.reference):
        cam = Camera(reference.K[i], reference.world_to_camera[i], 128)
        print("ref", offsets(255.0 - image, project(cam, np.array(PLACES))[0]))


def offsets(dark, px):
    blobs, count = ndimage.label(dark > 60)
    yx = np.array(ndimage.center_of_mass(dark, ndimage.grey_dilation(blobs, size=(3, 3)), range(1, count + 1)))[:, ::-1] + 0.5
    d = yx[:, None] - px[None]
    k = np.linalg.norm(d, axis=2).argmin(axis=1)
    return count, np.round(d[np.arange(count), k], 2).tolist(), d[np.arange(count), k].mean(0)


def cameras() -> list[Camera]:
    """The configured one around the cubes, and one with another lens whose axis does not go through the centre."""
    shifted = np.array([[170.0, 0.0, 51.3], [0.0, 170.0, 74.6], [0.0, 0.0, 1.0]])
    places = [look_at_origin(azimuth, elevation, CONFIG.radius) for azimuth, elevation in ORBIT]
    return [*(Camera(intrinsics(CONFIG), pose, 128) for pose in places), Camera(shifted, look_at_origin(70, 15, 3.2), 128)]


def view(shape: Shape, camera: Camera) -> View:
    image = RayScene(flatten(part_meshes(shape))).render(camera)
    mask = object_mask(image)
    return View("", (), 0.0, 0.0, 4, 0, camera, image, mask, mask)


def black(shape: Shape, folder: Path):
    return {0: {part.part_id: "black" for part in shape.parts}}, {"black": surface(folder, (0, 0, 0))}

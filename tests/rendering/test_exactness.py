"""Things lie in Blender's images where the stored cameras put them: small cubes at known places, and real chairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from materials.color import to_linear
from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.format.cameras import Camera, look_at_origin
from pipeline.geometry.raycast import RayScene
from pipeline.quality.images import index_agreement
from pipeline.rendering.blender import Drawn, draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, write_job
from pipeline.shapes.shape import Part, Shape, flatten
from pipeline.views.cameras import intrinsics
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import ReferenceViews, make_reference_views
from pipeline.views.select import View
from pipeline.views.visibility import object_mask
from tests.rendering.test_blender import surface
from tests.scenes import cube
from tests.subjects import CHAIRS, Subject, make_subject

CONFIG = ViewsConfig(resolution=128, reference_views=3, surface_points=1)
RENDER = RenderConfig(samples=16, reference_samples=16)
#: Centres of the cubes: on the axis and far from it, before, behind, above and below.
PLACES = np.array([
    (0.0, 0.0, 0.0), (0.6, 0.5, 0.1), (-0.7, 0.3, 0.2), (0.55, -0.5, -0.3), (-0.5, -0.55, 0.4), (0.1, 0.75, -0.4),
    (0.3, 0.1, 0.75), (-0.2, -0.2, -0.75), (0.85, 0.0, 0.2),
])  # fmt: skip
EDGE = 0.08
TOP_LIGHT = 4
#: Light of the backdrop, where 1 is white (``blender_scripts.surroundings``).
BACKDROP = 1.25
#: K of another lens, whose axis does not meet the image's centre.
OFF_CENTRE = np.array([[170.0, 0.0, 51.3], [0.0, 170.0, 74.6], [0.0, 0.0, 1.0]])

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[View], ReferenceViews, Drawn]:
    """The cubes seen by configured cameras and by one with ``OFF_CENTRE``, which takes the last reference view too."""
    meshes = [cube((x, y, z), EDGE) for x, y, z in PLACES]
    shape = Shape("cubes", "", "", tuple(Part(i, "cube", i - 1, (0, i), mesh) for i, mesh in enumerate(meshes, 1)))
    poses = [look_at_origin(azimuth, elevation, 2.5) for azimuth, elevation in [(0, 0), (36, 30), (144, 20), (234, 40)]]
    cameras = [Camera(intrinsics(CONFIG), pose, CONFIG.resolution) for pose in poses]
    cameras.append(Camera(OFF_CENTRE, look_at_origin(70, 15, 3.2), CONFIG.resolution))
    views = [seen_by(camera, shape) for camera in cameras]
    reference = make_reference_views(shape, CONFIG, 0)
    last = {"K": OFF_CENTRE, "world_to_camera": cameras[-1].world_to_camera, "part_ids": views[-1].image.part_ids}
    changed = {name: np.stack([*getattr(reference, name)[:-1], value]) for name, value in last.items()}
    reference = replace(reference, **changed)
    return views, reference, draw_black(tmp_path_factory.mktemp("cubes"), shape, [], views, reference)


def seen_by(camera: Camera, shape: Shape) -> View:
    image = RayScene(flatten(part_meshes(shape))).render(camera)
    mask = object_mask(image)
    return View("", (), 0.0, 0.0, 2.5, TOP_LIGHT, 0, camera, image, mask, mask)


def draw_black(
    folder: Path, shape: Shape, anomalies: Sequence[Anomaly], views: Sequence[View], reference: ReferenceViews
) -> Drawn:
    """All parts in black: on white, every pixel's darkness is the share of it that the object covers."""
    worn = {view.texture: {part.part_id: "black" for part in shape.parts} for view in views}
    job = Job(shape, anomalies, views, reference, worn, {"black": surface(folder, (0, 0, 0))})
    return draw(write_job(folder, job, CONFIG, RENDER, threads=2), 300)


def photo_darkness(image: Image) -> Floats:
    """0 to 1: what is darker than the shadows on the ground."""
    return np.clip((155.0 - image.max(axis=2)) / 60, 0, 1)


def reference_darkness(image: Image) -> Floats:
    """0 to 1, and 1 wherever the object covers much of a pixel: its faces have many greys."""
    return np.clip((253.0 - image) / 10, 0, 1)


def expect_cubes(found: Floats, camera: Camera) -> None:
    """Every cube's centre is where ``camera`` projects it; and all together are, so that half a pixel's bias shows."""
    expected, _ = camera.project(PLACES)
    apart = found - expected
    assert np.linalg.norm(apart, axis=1).max() < 0.5
    assert np.abs(apart.mean(axis=0)).max() < 0.15


def blobs(darkness: Floats, camera: Camera) -> Floats:
    """(n, 2) centroids as (x, y) of what is dark, that of every cube the one nearest to where it is expected."""
    labels, count = ndimage.label(darkness > 0, np.ones((3, 3)))
    assert count == len(PLACES), "every cube must be seen by itself"
    centres = np.array(ndimage.center_of_mass(darkness, labels, range(1, count + 1)))[:, ::-1] + 0.5
    apart = np.linalg.norm(centres[None] - camera.project(PLACES)[0][:, None], axis=2)
    return centres[apart.argmin(axis=1)]


def test_cubes_are_in_the_photograph_where_the_camera_projects_them(
    cubes: tuple[Sequence[View], ReferenceViews, Drawn],
) -> None:
    views, _, drawn = cubes
    for view, image in zip(views, drawn.query, strict=True):
        expect_cubes(blobs(photo_darkness(image), view.camera), view.camera)


def test_cubes_are_in_the_index_image_where_the_camera_projects_them(
    cubes: tuple[Sequence[View], ReferenceViews, Drawn],
) -> None:
    views, _, drawn = cubes
    for view, index in zip(views, drawn.index, strict=True):
        centres = np.array(ndimage.center_of_mass(index > 0, index, range(1, len(PLACES) + 1)))
        expect_cubes(centres[:, ::-1] + 0.5, view.camera)


def test_cubes_are_in_the_reference_view_where_the_camera_projects_them(
    cubes: tuple[Sequence[View], ReferenceViews, Drawn],
) -> None:
    _, reference, drawn = cubes
    for K, pose, image in zip(reference.K, reference.world_to_camera, drawn.reference, strict=True):
        camera = Camera(K, pose, CONFIG.resolution)
        expect_cubes(blobs(reference_darkness(image), camera), camera)


@pytest.fixture(scope="module", params=CHAIRS)
def chair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Subject, Drawn]:
    subject = make_subject(request.param, request, CONFIG)
    views = [replace(view, light=TOP_LIGHT) for view in subject.views]
    folder = tmp_path_factory.mktemp("chair")
    return subject, draw_black(folder, subject.shape, subject.anomalies, views, subject.reference)


def test_blender_and_the_rays_see_the_same_parts_of_a_chair(chair: tuple[Subject, Drawn]) -> None:
    subject, drawn = chair
    for view, index in zip(subject.views, drawn.index, strict=True):
        cast = view.image.part_ids
        edge = ndimage.maximum_filter(cast, 3) != ndimage.minimum_filter(cast, 3)
        assert index_agreement(index, cast, ~edge & ((cast > 0) | (index > 0))) >= 0.995
        # Edges are where a shift by part of a pixel shows.
        assert index_agreement(index, cast, edge) >= 0.98


def test_a_chair_is_in_the_images_where_the_camera_projects_it(chair: tuple[Subject, Drawn]) -> None:
    subject, drawn = chair
    upper, lower = slice(0, CONFIG.resolution // 2), slice(CONFIG.resolution // 2, CONFIG.resolution)
    found = []
    for view, image in zip(subject.views, drawn.query, strict=True):
        scene = RayScene(flatten(part_meshes(subject.shape, subject.shown(view))))
        dimmed = 1 - to_linear(image.max(axis=2))
        found.append(shifts(dimmed, exposed(coverage(scene, view.camera)), [upper]))  # the lower half holds the shadow
    scene = RayScene(flatten(part_meshes(subject.shape)))
    for K, pose, image in zip(subject.reference.K, subject.reference.world_to_camera, drawn.reference, strict=True):
        camera = Camera(K, pose, CONFIG.resolution)
        found.append(shifts(reference_darkness(image), coverage(scene, camera), [upper, lower]))
    every = np.concatenate(found)
    assert np.linalg.norm(every, axis=1).max() < 0.5
    assert np.abs(every.mean(axis=0)).max() < 0.15


def coverage(scene: RayScene, camera: Camera) -> Floats:
    """(H, W) share of each pixel that the object covers, by rays, eight by eight a pixel."""
    size, fine = camera.resolution, 8
    K = np.diag([fine, fine, 1.0]) @ camera.K
    hit = scene.render(Camera(K, camera.world_to_camera, size * fine)).part_ids > 0
    return np.asarray(ndimage.gaussian_filter(hit.reshape(size, fine, size, fine).mean(axis=(1, 3)), 0.5))


def exposed(covered: Floats) -> Floats:
    """How much less than white a pixel is of which black covers so much: the backdrop's light is more than white."""
    return np.asarray(1 - np.minimum(1, BACKDROP * (1 - covered)))


def shifts(darkness: Floats, expected: Floats, halves: Sequence[slice]) -> Floats:
    """(n, 2) shifts of the drawn silhouette against the expected one; left and right in each half.

    Of quarters, because a wrong lens moves them apart and the whole not at all.
    """
    middle = len(darkness) // 2
    quarters = [(rows, columns) for rows in halves for columns in (slice(0, middle), slice(middle, None))]
    return np.array([shift(expected[quarter], darkness[quarter]) for quarter in quarters])


def shift(expected: Floats, seen: Floats) -> Floats:
    """(x, y) in pixels by which ``seen`` lies right of and below ``expected``, up to their contrast.

    One step of Lucas and Kanade: seen = gain * (expected - shift . gradient) + offset, by least squares.
    """
    down, right = np.gradient(expected)
    edge = np.hypot(down, right) > 0.02
    columns = np.stack([expected[edge], -right[edge], -down[edge], np.ones(edge.sum())], axis=1)
    gain, x, y, _ = np.linalg.lstsq(columns, seen[edge], rcond=None)[0]
    return np.array([x, y]) / gain

"""Surfaces from depth images against the surfaces that these are of."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.geometry.raycast import RayScene
from pipeline.geometry.surfels import FREE, surfels
from pipeline.pose.pose import Pose
from tests.pose.scenes import CHAIR, scene_of

SIZE = 96
AROUND = [
    Pose(18.0 * i + 7.0 * ring, e, 0.0, 2.5, 1.1) for ring, e in enumerate((-20.0, 10.0, 45.0)) for i in range(20)
]


def from_views(scene: RayScene) -> RayScene:
    cameras = [pose.camera(SIZE) for pose in AROUND]
    return RayScene(surfels(np.stack([scene.render(camera).depth for camera in cameras]), cameras))


def test_a_slanted_plane_comes_back_exactly() -> None:
    camera = Pose(20.0, 35.0, 4.0, 2.5, 1.1).camera(SIZE)
    normal, offset = np.array([0.5, 0.6, 0.6]), 0.1  # seen at no small angle
    depth = (offset - camera.centre @ normal) / (camera.rays @ normal)
    depth[:8] = 0  # of a border, so that some surfels have neighbours on one side alone
    soup = surfels(depth[None].astype(np.float32), [camera])
    np.testing.assert_allclose(soup.vertices @ normal, offset, atol=1e-5)
    pixels, _ = camera.project(soup.vertices)
    assert pixels.min(axis=0) == pytest.approx([0.5 - FREE, 8.5 - FREE], abs=1e-3)
    assert pixels.max(axis=0) == pytest.approx([SIZE - 0.5 + FREE] * 2, abs=1e-3)
    assert set(soup.part_ids.tolist()) == {1}


@pytest.mark.parametrize(("azimuth", "elevation"), [(33.3, 21.0), (140.9, 37.5), (266.6, 29.1)])
def test_from_a_new_camera_views_show_what_the_mesh_shows(azimuth: float, elevation: float) -> None:
    scene = scene_of(CHAIR)
    camera = Pose(azimuth, elevation, 0.0, 2.5, 1.1).camera(SIZE)
    true, seen = scene.surface(camera), from_views(scene).surface(camera)
    both, either = (true.part_ids > 0) & (seen.part_ids > 0), (true.part_ids > 0) | (seen.part_ids > 0)
    assert both.sum() > 0.92 * either.sum()
    assert np.median(np.abs(true.depth - seen.depth)[both]) < 0.002
    aligned = (true.normals * seen.normals).sum(axis=-1)[both]
    assert np.mean(aligned > 0.98) > 0.55  # but near creases and ends


def test_no_surface_spans_the_gap_between_a_leg_and_what_is_behind_it() -> None:
    """Where depth leaps, squares stay as flat as their own side says."""
    camera = Pose(0.0, 0.0, 0.0, 2.5, 1.0).camera(SIZE)
    depth = np.full((SIZE, SIZE), 3.0, dtype=np.float32)
    depth[:, 40:43] = 2.0
    soup = surfels(depth[None], [camera])
    in_camera = soup.vertices @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    np.testing.assert_allclose(np.minimum(abs(in_camera[:, 2] - 2.0), abs(in_camera[:, 2] - 3.0)), 0, atol=1e-5)


def test_views_of_nothing_make_nothing() -> None:
    soup = surfels(np.zeros((1, 8, 8), dtype=np.float32), [Pose(0.0, 0.0).camera(8)])
    assert len(soup.faces) == 0 and not RayScene(soup).render(Pose(0.0, 0.0).camera(8)).part_ids.any()

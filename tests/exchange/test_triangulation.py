"""Points come back from their pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.exchange.triangulation import triangulate
from pipeline.format.cameras import project
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig

CAMERAS = [orbit_camera(ViewsConfig(resolution=128), azimuth, 30) for azimuth in (0, 40, 200)]
K = np.stack([camera.K for camera in CAMERAS])
POSES = np.stack([camera.world_to_camera for camera in CAMERAS])


@given(points=hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-1, 1)))
def test_points_come_back_from_their_projections(points: np.ndarray) -> None:
    pixels = np.stack([camera.project(points)[0] for camera in CAMERAS])
    found = triangulate(K, POSES, pixels, np.ones(pixels.shape[:2], dtype=bool))
    assert np.abs(found - points).max() < 1e-9
    again, depth = project(K, POSES, points)
    assert (depth > 0).all()
    assert np.abs(again - pixels).max() < 1e-9


def test_only_views_that_see_a_point_count_unless_fewer_than_two_do() -> None:
    points = np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    pixels = np.stack([camera.project(points)[0] for camera in CAMERAS])
    pixels[2] += 9
    visible = np.array([[True, True], [True, False], [False, False]])
    found = triangulate(K, POSES, pixels, visible)
    assert np.abs(found[0] - points[0]).max() < 1e-9
    assert np.abs(found[1] - points[1]).max() > 1e-3


def test_what_is_behind_a_camera_is_told() -> None:
    _, depth = project(K, POSES, np.array([CAMERAS[0].centre * 2]))
    assert (depth > 0)[:, 0].tolist() == [False, False, True]

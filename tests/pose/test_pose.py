"""Poses and the cameras that they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.format.cameras import look_at_origin
from pipeline.pose.pose import ALL, Pose, angle_between

angles = st.floats(-180.0, 180.0)
heights = st.floats(-80.0, 80.0)


@given(angles, heights, st.floats(1.0, 4.0), st.floats(0.5, 2.0))
def test_a_pose_without_roll_is_the_datasets_camera(
    azimuth: float, elevation: float, distance: float, focal: float
) -> None:
    camera = Pose(azimuth, elevation, distance=distance, focal=focal).camera(256)
    np.testing.assert_allclose(camera.world_to_camera, look_at_origin(azimuth, elevation, distance), atol=1e-12)
    np.testing.assert_allclose(camera.K, np.array([[256 * focal, 0, 128], [0, 256 * focal, 128], [0, 0, 1.0]]))


@given(angles, heights, st.floats(-90.0, 90.0), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.sampled_from([64, 96]))
def test_the_origin_is_seen_where_the_pose_says(
    azimuth: float, elevation: float, roll: float, right: float, down: float, size: int
) -> None:
    (pixel,), (depth,) = Pose(azimuth, elevation, roll, 2.0, 1.1, right, down).camera(size).project(np.zeros((1, 3)))
    np.testing.assert_allclose(pixel, [(0.5 + right) * size, (0.5 + down) * size], atol=1e-9)
    assert np.isclose(depth, 2.0)


def test_roll_turns_the_image_clockwise() -> None:
    (pixel,), _ = Pose(20.0, 0.0, roll=90.0).camera(100).project(np.array([[0.0, 0.5, 0.0]]))
    np.testing.assert_allclose(pixel, [50.0 + 100 * 0.5 / 2.5, 50.0], atol=1e-9)  # what was above is to the right


def test_a_pose_moves_by_names_and_stays_off_the_poles() -> None:
    moved = Pose(10.0, 80.0).moved(ALL, np.array([5.0, 30.0, 1.0, 0.5, 0.25, 0.1, -0.1]))
    assert moved == Pose(15.0, 89.0, 1.0, 3.0, 1.25, 0.1, -0.1)


@given(angles, heights, angles, heights)
def test_the_angle_between_poses_is_that_between_their_cameras_positions(
    azimuth: float, elevation: float, other_azimuth: float, other_elevation: float
) -> None:
    one, other = Pose(azimuth, elevation), Pose(other_azimuth, other_elevation, roll=30.0, distance=1.0)
    a, b = (pose.camera(8).centre / pose.distance for pose in (one, other))
    np.testing.assert_allclose(
        angle_between(one, other), np.rad2deg(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)), atol=1e-5
    )

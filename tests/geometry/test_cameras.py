import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.format.cameras import Camera, look_at, look_at_origin
from pipeline.views.cameras import intrinsics, orbit_camera
from pipeline.views.config import ViewsConfig
from tests.scenes import front_camera

CONFIG = ViewsConfig()
angles = st.floats(-360, 360)
elevations = st.floats(-85, 85)


def test_paper_lens_gives_355_pixels_at_256() -> None:
    K = intrinsics(ViewsConfig(focal_mm=50.0))
    assert K[0, 0] == K[1, 1] == pytest.approx(355.56, abs=0.01)
    assert (K[0, 2], K[1, 2]) == (128.0, 128.0)


def test_level_camera_in_front_equals_the_analytic_pose() -> None:
    np.testing.assert_allclose(look_at_origin(0, 0, 2.5), front_camera(CONFIG).world_to_camera, atol=1e-12)


def test_azimuth_90_stands_on_plus_x() -> None:
    camera = orbit_camera(CONFIG, 90, 0)
    np.testing.assert_allclose(camera.centre, [2.5, 0, 0], atol=1e-12)


def test_point_right_of_the_axis_lands_right_and_point_above_lands_up() -> None:
    camera = front_camera(CONFIG)
    pixels, depth = camera.project(np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]]))
    f = camera.K[0, 0]
    np.testing.assert_allclose(pixels, [[128 + f * 0.2, 128], [128, 128 - f * 0.2], [128, 128]])
    np.testing.assert_allclose(depth, [2.5, 2.5, 2.0])


@given(azimuth=angles, elevation=elevations)
def test_pose_is_a_rotation_and_sees_the_origin_in_the_centre(azimuth: float, elevation: float) -> None:
    camera = orbit_camera(CONFIG, azimuth, elevation)
    R = camera.world_to_camera[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(R) == pytest.approx(1.0)
    pixel, depth = camera.project(np.zeros((1, 3)))
    np.testing.assert_allclose(pixel[0], [128, 128], atol=1e-6)
    assert depth[0] == pytest.approx(2.5)
    assert np.linalg.norm(camera.centre) == pytest.approx(2.5)


def test_an_aimed_camera_has_its_target_in_the_middle_and_up_is_up() -> None:
    position, target = np.array([1.0, 2.0, 2.0]), np.array([0.1, 0.2, -0.3])
    camera = Camera(intrinsics(CONFIG), look_at(position, target, 0.0), CONFIG.resolution)
    np.testing.assert_allclose(camera.centre, position, atol=1e-12)
    [middle, above], depth = camera.project(np.array([target, target + np.array([0.0, 0.1, 0.0])]))
    np.testing.assert_allclose(middle, [128, 128], atol=1e-9)
    assert depth[0] == pytest.approx(np.linalg.norm(target - position))
    assert above[0] == pytest.approx(128) and above[1] < 127


def test_roll_turns_the_content_clockwise() -> None:
    up = np.array([[0.0, 0.5, 0.0]])
    for roll, way in ((90.0, [1, 0]), (180.0, [0, 1]), (-90.0, [-1, 0])):
        pose = look_at(np.array([0.0, 0.0, 2.5]), np.zeros(3), roll)
        [pixel], _ = Camera(intrinsics(CONFIG), pose, CONFIG.resolution).project(up)
        np.testing.assert_allclose(pixel, 128 + CONFIG.focal_mm / 36 * 256 * 0.2 * np.array(way), atol=1e-9)


@given(azimuth=angles, elevation=elevations, depth=st.floats(0.1, 10))
def test_unprojecting_pixel_centres_inverts_projection(azimuth: float, elevation: float, depth: float) -> None:
    config = ViewsConfig(resolution=32)
    camera = orbit_camera(config, azimuth, elevation)
    world = camera.unproject(np.full((32, 32), depth))
    pixels, z = camera.project(world.reshape(-1, 3))
    x, y = np.meshgrid(np.arange(32) + 0.5, np.arange(32) + 0.5)
    np.testing.assert_allclose(pixels, np.stack([x, y], -1).reshape(-1, 2), atol=1e-6)
    np.testing.assert_allclose(z, depth, rtol=1e-9)


def test_unit_sphere_fits_the_default_frame() -> None:
    camera = front_camera(CONFIG)
    corner_ray = camera.rays[128, 0]
    # The sphere's outline is a cone of half angle asin(1 / 2.5); the frame's edge must lie outside it.
    edge = np.arctan(abs(corner_ray[0] / corner_ray[2]))
    assert edge > np.arcsin(1 / 2.5)

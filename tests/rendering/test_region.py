"""The ground and the traced regions, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.format.cameras import Camera, look_at_origin
from pipeline.rendering.region import EDGE_MARGIN, GROUND_REACH, Ground, ground_under, object_region, shadow_region
from tests.scenes import cube

SIZE, FOCAL = 128, 100.0
K = np.array([[FOCAL, 0, 64], [0, FOCAL, 64], [0, 0, 1]])
NOTHING = np.zeros((SIZE, SIZE), dtype=np.uint8)


def level_camera(distance: float, height: float = 0.0) -> Camera:
    """On +Z at ``distance`` and ``height``, looking along -Z."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[1:3, 3] = height, distance
    return Camera(K, pose, SIZE)


def vertical_camera(height: float) -> Camera:
    """On the Y axis, looking at the origin: down from above (x right is +X, y down is +Z) or up from below."""
    sign = np.sign(height)
    pose = np.array([[1.0, 0, 0, 0], [0, 0, sign, 0], [0, -sign, 0, abs(height)], [0, 0, 0, 1]])
    return Camera(K, pose, SIZE)


def block(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = NOTHING.copy()
    mask[y0:y1, x0:x1] = 255
    return mask


def test_ground_touches_the_lowest_vertex_under_the_middle_of_all() -> None:
    meshes = [cube((0.0, 0.0, 0.0), 0.6), cube((0.6, 0.0, 0.0), 0.2)]  # x from -0.3 to 0.7, z from -0.3 to 0.3
    ground = ground_under(mesh.vertices for mesh in meshes)
    assert ground.height == -0.3
    assert ground.centre == pytest.approx((0.2, 0.0))
    assert ground.radius == pytest.approx(np.hypot(1.0, 0.6) / 2 + GROUND_REACH)


def test_ground_follows_a_lowered_part() -> None:
    low = cube((0.0, -0.5, 0.8), 0.2)
    ground = ground_under([cube((0.0, 0.0, 0.0), 0.6).vertices, low.vertices])
    assert ground.height == pytest.approx(-0.6)
    assert ground.centre == pytest.approx((0.0, 0.3))


def test_object_region_is_the_box_with_its_anti_aliased_edge() -> None:
    assert object_region(block(30, 40, 50, 70)) == (
        30 - EDGE_MARGIN,
        40 - EDGE_MARGIN,
        50 + EDGE_MARGIN,
        70 + EDGE_MARGIN,
    )
    assert object_region(block(2, 0, 127, 128)) == (0, 0, 128, 128)


@pytest.mark.parametrize("height", [2.0, -2.0])
def test_ground_is_a_circle_from_straight_above_and_below(height: float) -> None:
    """At depth 2.5 from above and 1.5 from below; its middle is at x = 0.11, z = -0.19."""
    ground = Ground(-0.5, (0.11, -0.19), 0.75)
    camera = vertical_camera(height)
    scale = FOCAL / (2.5 if height > 0 else 1.5)
    x, y = 64 + 0.11 * scale, 64 + np.sign(height) * -0.19 * scale
    reach = 0.75 * scale
    expected = (np.floor(x - reach), np.floor(y - reach), np.ceil(x + reach), np.ceil(y + reach))
    assert shadow_region(camera, ground, block(63, 63, 65, 65)) == expected


def test_ground_seen_level_reaches_as_far_as_its_tangents() -> None:
    """A disc of radius r at distance d: x = f r / sqrt(d^2 - r^2), and its nearest point is at depth d - r."""
    ground = Ground(-0.3, (0.0, 0.0), 0.8)
    x0, y0, x1, y1 = shadow_region(level_camera(2.5), ground, block(60, 50, 70, 78))
    widest = FOCAL * 0.8 / np.sqrt(2.5**2 - 0.8**2)
    assert x0 == 64 - x1 + 64
    assert abs(x1 - (64 + widest)) < 1
    assert y0 == 50 - EDGE_MARGIN, "the object stands higher than the ground reaches"
    assert y1 == np.ceil(64 + FOCAL * 0.3 / (2.5 - 0.8)) == 82


def test_region_holds_an_object_that_the_ground_does_not() -> None:
    ground = Ground(-0.3, (0.0, 0.0), 0.1)
    assert shadow_region(level_camera(2.5), ground, block(10, 20, 118, 110)) == (6, 16, 122, 114)


def test_region_ends_with_the_image() -> None:
    assert shadow_region(vertical_camera(1.0), Ground(0.0, (0.0, 0.0), 0.9), block(60, 60, 70, 70)) == (0, 0, 128, 128)


@pytest.mark.parametrize("elevation", [1.0, 30.0])
def test_a_camera_over_the_ground_may_see_shadow_anywhere(elevation: float) -> None:
    """A part of the disc is behind it, where projection means nothing."""
    camera = Camera(K, look_at_origin(20.0, elevation, 1.2), SIZE)
    assert shadow_region(camera, Ground(-0.2, (0.0, 0.0), 1.6), block(60, 60, 70, 70)) == (0, 0, SIZE, SIZE)

"""What rays tell of a reference, a pixel by one or by several."""

from __future__ import annotations

import numpy as np

from pipeline.pose.pose import Pose
from pipeline.training.aligning.channels import as_channels, draw
from pipeline.training.models.interface import ALIGNED
from tests.pose.scenes import CHAIR, scene_of

CAMERA = Pose(40.0, 25.0, 0.0, 2.5, 1.1).camera(48)


def test_by_one_ray_a_pixel_it_is_what_its_middle_sees() -> None:
    scene = scene_of(CHAIR)
    np.testing.assert_array_equal(draw(scene, CAMERA, 1), as_channels(scene.surface(CAMERA), CAMERA))


def test_a_pole_thinner_than_a_pixel_has_its_share_of_it() -> None:
    distance, focal, size = 4.0, 1.0, 32
    pixel = distance / (focal * size)  # its edge in world units, at the middle of the object
    camera = Pose(0.0, 0.0, 0.0, distance, focal).camera(size)
    left = 0.30 * pixel  # of the pixel's right of the middle, from three to eight tenths
    scene = scene_of({"pole": ((left, -0.5, -1e-4), (left + 0.5 * pixel, 0.5, 1e-4))})
    for rays, share in ((1, 1.0), (2, 0.5), (4, 0.5)):
        mask = draw(scene, camera, rays)[ALIGNED.index("mask")]
        np.testing.assert_allclose(mask[size // 2, size // 2 - 2 : size // 2 + 2], [0, 0, share, 0])


def test_means_of_a_plane_are_the_plane() -> None:
    scene = scene_of({"wall": ((-9.0, -9.0, -0.1), (9.0, 9.0, 0.0))})
    camera = Pose(0.0, 0.0, 0.0, 3.0, 1.0).camera(16)
    for one, four in zip(draw(scene, camera, 1), draw(scene, camera, 4), strict=True):
        np.testing.assert_allclose(one, four, atol=1e-5)

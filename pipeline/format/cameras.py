"""Pinhole cameras in the OpenCV convention (x right, y down, z forward; pixel centres at +0.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """K: (3, 3) intrinsics in pixels; world_to_camera: (4, 4); resolution: height = width in pixels."""

    K: Array
    world_to_camera: Array
    resolution: int

    @property
    def centre(self) -> Array:
        """(3,) position of the camera in the world."""
        return centre_of(self.world_to_camera)

    @property
    def rays(self) -> Array:
        """(H, W, 3) directions in the world through the pixel centres, scaled so that t equals depth z."""
        return rays(self.K, self.world_to_camera, pixel_centres(self.resolution, self.resolution))

    def project(self, points: NDArray[np.floating]) -> tuple[Array, Array]:
        """World points (p, 3) -> pixels (p, 2) and depths (p,), as ``project``."""
        return project(self.K, self.world_to_camera, points)

    def unproject(self, depth: NDArray[np.floating]) -> Array:
        """(H, W) depth at pixel centres -> (H, W, 3) world positions (meaningless where depth is 0)."""
        return self.centre + self.rays * depth[..., None]


def look_at_origin(azimuth: float, elevation: float, radius: float) -> Array:
    """(4, 4) world_to_camera of a camera on the sphere around the origin, looking at it, +Y up.

    Angles in degrees. Azimuth 0 is in front (+Z) and grows toward +X; elevation grows toward +Y
    and must lie strictly between -90 and 90.
    """
    a, e = np.deg2rad([azimuth, elevation])
    position = radius * np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    return _upright(position, -position / radius)


def look_at(position: Array, target: Array, roll: float) -> Array:
    """(4, 4) world_to_camera of a camera at ``position`` (3,) that has ``target`` (3,) in the middle of its image.

    With roll 0, +Y is up; else the image's content is turned clockwise by so many degrees. The target is neither
    at the position nor straight above or below it.
    """
    sight = target - position
    cos, sin = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
    turn = np.eye(4)
    turn[:2, :2] = [[cos, -sin], [sin, cos]]
    return np.asarray(turn @ _upright(position, sight / np.linalg.norm(sight)))


def _upright(position: Array, forward: Array) -> Array:
    """(4, 4) world_to_camera at ``position`` (3,) along the unit vector ``forward`` (3,), +Y up."""
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ position
    return pose


def project(
    K: NDArray[np.floating], world_to_camera: NDArray[np.floating], points: NDArray[np.floating]
) -> tuple[Array, Array]:
    """World points (..., p, 3) -> pixels (..., p, 2) as (x, y) and depths (..., p), z in the frames of cameras.

    K: (..., 3, 3); world_to_camera: (..., 4, 4). x = K R (X - C); a point at depth <= 0 is behind the camera and its
    pixel is meaningless.

    >>> K = np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]])
    >>> pixels, depth = project(K, look_at_origin(0, 0, 2.0), np.array([[0.0, 0.5, 0.0]]))
    >>> pixels.tolist(), depth.tolist()
    ([[50.0, 25.0]], [2.0])
    """
    pose = world_to_camera.astype(np.float64)
    local = points @ np.swapaxes(pose[..., :3, :3], -1, -2) + pose[..., None, :3, 3]
    image = local @ np.swapaxes(K.astype(np.float64), -1, -2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return image[..., :2] / image[..., 2:], local[..., 2]


def unproject(
    K: NDArray[np.floating],
    world_to_camera: NDArray[np.floating],
    pixels: NDArray[np.floating],
    depth: NDArray[np.floating],
) -> Array:
    """World positions (..., 3) of pixels (..., 2), as (x, y), at z-depths (...) of one camera (3, 3) and (4, 4)."""
    return centre_of(world_to_camera) + rays(K, world_to_camera, pixels) * depth[..., None]


def rays(K: NDArray[np.floating], world_to_camera: NDArray[np.floating], pixels: NDArray[np.floating]) -> Array:
    """(..., 3) directions in the world through pixels (..., 2) of one camera, scaled so that t equals depth z."""
    homogeneous = np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], axis=-1)
    local = homogeneous @ np.linalg.inv(K.astype(np.float64)).T
    return np.asarray(local @ world_to_camera[:3, :3].astype(np.float64))


def centre_of(world_to_camera: NDArray[np.floating]) -> Array:
    """(..., 3) positions of cameras (..., 4, 4) in the world: -R^T t."""
    pose = world_to_camera.astype(np.float64)
    return np.asarray(-np.einsum("...ji,...j->...i", pose[..., :3, :3], pose[..., :3, 3]))


def pixel_centres(height: int, width: int) -> Array:
    """(H, W, 2) the centres (x, y) of an image's pixels.

    >>> pixel_centres(1, 2).tolist()
    [[[0.5, 0.5], [1.5, 0.5]]]
    """
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1)

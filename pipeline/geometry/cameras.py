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
        """(3,) position of the camera in the world: -R^T t."""
        return np.asarray(-self.world_to_camera[:3, :3].T @ self.world_to_camera[:3, 3])


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


def project(camera: Camera, points: Array) -> tuple[Array, Array]:
    """World points (n, 3) -> pixels (n, 2) as (x, y) and depths (n,), z in the camera frame.

    x = K R (X - C); a point at depth <= 0 is behind the camera and its pixel is meaningless.
    """
    local = points @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    image = local @ camera.K.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return image[:, :2] / image[:, 2:], local[:, 2]


def pixel_rays(camera: Camera) -> Array:
    """(H, W, 3) directions in the world through the pixel centres, scaled so that t equals depth z."""
    centres = np.arange(camera.resolution) + 0.5
    x, y = np.meshgrid(centres, centres)
    local = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(camera.K).T
    return np.asarray(local @ camera.world_to_camera[:3, :3])


def unproject(camera: Camera, depth: NDArray[np.floating]) -> Array:
    """(H, W) depth at pixel centres -> (H, W, 3) world positions (meaningless where depth is 0)."""
    return np.asarray(camera.centre + pixel_rays(camera) * depth[..., None])

"""Pinhole cameras in the OpenCV convention (x right, y down, z forward; pixel centres at +0.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64


@dataclass(frozen=True)
class Camera:
    """K: intrinsics in pixels; resolution: height = width in pixels.

    >>> camera = Camera(np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]]), look_at_origin(0, 0, 2.0), 100)
    >>> camera.rays[50, 50].round(3).tolist()  # half a pixel right of the middle, and half a one below it
    [0.005, -0.005, -1.0]
    """

    K: Float64[np.ndarray, "3 3"]
    world_to_camera: Float64[np.ndarray, "4 4"]
    resolution: int

    @classmethod
    def stored(
        cls, K: Float32[np.ndarray, "3 3"], world_to_camera: Float32[np.ndarray, "4 4"], resolution: int
    ) -> Camera:
        """As a shard holds it."""
        return cls(K.astype(np.float64), world_to_camera.astype(np.float64), resolution)

    @property
    def centre(self) -> Float64[np.ndarray, " 3"]:
        """Position of the camera in the world."""
        return centre_of(self.world_to_camera)

    @property
    def rays(self) -> Float64[np.ndarray, "height width 3"]:
        """Directions in the world through the pixel centres, scaled so that t equals depth z."""
        return rays(self.K, self.world_to_camera, pixel_centres(self.resolution, self.resolution))

    def finer(self, factor: int) -> Camera:
        """The same camera with so many pixels in place of each along both edges."""
        return Camera(self.K * [[factor], [factor], [1]], self.world_to_camera, factor * self.resolution)

    def project(
        self, points: Float[np.ndarray, "point 3"]
    ) -> tuple[Float64[np.ndarray, "point 2"], Float64[np.ndarray, " point"]]:
        """World points to pixels and depths, as ``project``."""
        return project(self.K, self.world_to_camera, points)

    def unproject(self, depth: Float[np.ndarray, "height width"]) -> Float64[np.ndarray, "height width 3"]:
        """Depth at pixel centres to world positions (meaningless where depth is 0)."""
        return self.centre + self.rays * depth[..., None]


def look_at_origin(azimuth: float, elevation: float, radius: float) -> Float64[np.ndarray, "4 4"]:
    """world_to_camera of a camera on the sphere around the origin, looking at it, +Y up.

    Angles in degrees. Azimuth 0 is in front (+Z) and grows toward +X; elevation grows toward +Y
    and must lie strictly between -90 and 90.

    >>> np.allclose(centre_of(look_at_origin(90, 0, 2.0)), [2.0, 0.0, 0.0])
    True
    """
    position = on_sphere(azimuth, elevation, radius)
    return _upright(position, -position / radius)


def on_sphere(azimuth: float, elevation: float, radius: float) -> Float64[np.ndarray, " 3"]:
    """The position around the origin at angles in degrees, as of ``look_at_origin``.

    >>> on_sphere(90, 0, 2.0).round(12).tolist()
    [2.0, 0.0, 0.0]
    """
    a, e = np.deg2rad([azimuth, elevation])
    return np.asarray(radius * np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)]))


def look_at(
    position: Float64[np.ndarray, " 3"], target: Float64[np.ndarray, " 3"], roll: float
) -> Float64[np.ndarray, "4 4"]:
    """world_to_camera of a camera at ``position`` that has ``target`` in the middle of its image.

    With roll 0, +Y is up; else the image's content is turned clockwise by so many degrees. The target is neither
    at the position nor straight above or below it.

    >>> pose = look_at(np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, 1.0]), roll=0.0)
    >>> (pose @ [0, 1, 0, 1]).tolist()  # what lies above the sight has a negative y: in images, y grows downward
    [0.0, -1.0, 2.0, 1.0]
    """
    sight = target - position
    cos, sin = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
    turn = np.eye(4)
    turn[:2, :2] = [[cos, -sin], [sin, cos]]
    return np.asarray(turn @ _upright(position, sight / np.linalg.norm(sight)))


def _upright(position: Float64[np.ndarray, " 3"], forward: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, "4 4"]:
    """world_to_camera at ``position`` along the unit vector ``forward``, +Y up."""
    right = cross(forward, np.array([0.0, 1.0, 0.0]))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ position
    return pose


def cross(a: Float[np.ndarray, "*point 3"], b: Float[np.ndarray, "*point 3"]) -> Float64[np.ndarray, "*point 3"]:
    """As ``numpy.cross``, whose cost for few vectors is many times that of the numbers: cameras are looked for by it.

    >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    turns = ((1, 2), (2, 0), (0, 1))
    return np.stack([a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in turns], axis=-1)


def project(
    K: Float[np.ndarray, "*view 3 3"],
    world_to_camera: Float[np.ndarray, "*view 4 4"],
    points: Float[np.ndarray, "*#view point 3"],
) -> tuple[Float64[np.ndarray, "*view point 2"], Float64[np.ndarray, "*view point"]]:
    """World points to pixels, as (x, y), and depths, z in the frames of the cameras; points of all views or of each.

    x = K R (X - C); a point at depth <= 0 is behind the camera and its pixel is meaningless.

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
    K: Float[np.ndarray, "3 3"],
    world_to_camera: Float[np.ndarray, "4 4"],
    pixels: Float[np.ndarray, "*point 2"],
    depth: Float[np.ndarray, "*point"],
) -> Float64[np.ndarray, "*point 3"]:
    """World positions of one camera's pixels, as (x, y), at z-depths.

    >>> K = np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]])
    >>> unproject(K, look_at_origin(0, 0, 2.0), np.array([[50.0, 25.0]]), np.array([2.0])).round(12).tolist()
    [[0.0, 0.5, 0.0]]
    """
    return centre_of(world_to_camera) + rays(K, world_to_camera, pixels) * depth[..., None]


def rays(
    K: Float[np.ndarray, "3 3"], world_to_camera: Float[np.ndarray, "4 4"], pixels: Float[np.ndarray, "*point 2"]
) -> Float64[np.ndarray, "*point 3"]:
    """Directions in the world through one camera's pixels, scaled so that t equals depth z."""
    homogeneous = np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], axis=-1)
    local = homogeneous @ np.linalg.inv(K.astype(np.float64)).T
    return np.asarray(local @ world_to_camera[:3, :3].astype(np.float64))


def centre_of(world_to_camera: Float[np.ndarray, "*view 4 4"]) -> Float64[np.ndarray, "*view 3"]:
    """Positions of cameras in the world: -R^T t."""
    pose = world_to_camera.astype(np.float64)
    return np.asarray(-np.einsum("...ji,...j->...i", pose[..., :3, :3], pose[..., :3, 3]))


def pixel_centres(height: int, width: int) -> Float64[np.ndarray, "{height} {width} 2"]:
    """The centres (x, y) of an image's pixels.

    >>> pixel_centres(1, 2).tolist()
    [[[0.5, 0.5], [1.5, 0.5]]]
    """
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1)

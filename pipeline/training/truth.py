"""Where what a query shows is seen in the reference views: exact, by depth and cameras, no pseudo-labels needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.shards.reader import Shard
from pipeline.training.models.encoder import STRIDE

#: A point is seen in a view if it lies at the view's depth there, give or take what a pixel spans at that depth times
#: this: points fall between pixel centres, where slanted surfaces have another depth.
DEPTH_TOLERANCE = 2.5


class Cameras(NamedTuple):
    """What n images see: depth (n, H, W) z in world units, 0 for background; K (n, 3, 3); world_to_camera (n, 4, 4)."""

    depth: NDArray[np.float32]
    K: NDArray[np.float32]
    world_to_camera: NDArray[np.float32]


def unproject(
    pixels: NDArray[np.float64],
    depth: NDArray[np.float64],
    K: NDArray[np.floating],
    world_to_camera: NDArray[np.floating],
) -> NDArray[np.float64]:
    """World positions (p, 3) of (p, 2) pixels (x, y) at z-depths (p,) of one camera."""
    homogeneous = np.column_stack([pixels, np.ones(len(pixels))])
    in_camera = homogeneous @ np.linalg.inv(K.astype(np.float64)).T * depth[:, None]
    rotation, translation = world_to_camera[:3, :3].astype(np.float64), world_to_camera[:3, 3].astype(np.float64)
    return (in_camera - translation) @ rotation


def project(
    xyz: NDArray[np.float64], K: NDArray[np.floating], world_to_camera: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels (..., p, 2) and z-depths (..., p) of world positions (p, 3) in cameras (..., 3, 3) and (..., 4, 4)."""
    in_camera = xyz @ np.swapaxes(world_to_camera[..., :3, :3], -1, -2) + world_to_camera[..., None, :3, 3]
    image = in_camera @ np.swapaxes(K, -1, -2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return image[..., :2] / image[..., 2:], in_camera[..., 2]


def depth_at(depth: NDArray[np.float32], pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depths (..., p) of the pixels (..., p, 2) of maps (..., H, W) that hold the points; 0 outside of them."""
    height, width = depth.shape[-2:]
    inside = ((pixels >= 0) & (pixels < (width, height))).all(-1)
    column, row = (np.where(inside, pixels[..., axis], 0).astype(np.int64) for axis in (0, 1))
    flat = depth.reshape(*depth.shape[:-2], height * width)
    return np.where(inside, np.take_along_axis(flat, row * width + column, axis=-1), 0.0).astype(np.float64)


def shown_in(xyz: NDArray[np.float64], views: Cameras) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Pixels (..., p, 2) of world positions (p, 3) in each view, and whether it shows them there, (..., p)."""
    pixels, depth = project(xyz, views.K, views.world_to_camera)
    seen = depth_at(views.depth, pixels)
    span = depth / views.K[..., :1, 0]
    return pixels, (seen > 0) & (np.abs(seen - depth) < DEPTH_TOLERANCE * span)


def true_matches(
    xyz: NDArray[np.float64], known: NDArray[np.bool_], views: Cameras
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The patch of each of n views that shows each world position (p, 3), and whether it does, both (n, p).

    Patches are numbered row by row. A position that is not ``known`` (p,) is shown by none.
    """
    pixels, shown = shown_in(xyz, views)
    shown &= known
    patch = np.where(shown[..., None], pixels, 0).astype(np.int64) // STRIDE
    return patch[..., 1] * (views.depth.shape[-1] // STRIDE) + patch[..., 0], shown


def unmoved_points(
    shard: Shard, row: int, pixels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """World positions (p, 3) that the stored query of ``row`` shows at (p, 2) pixels, and which are the reference's.

    Unknown (false) on background and on parts that an anomaly moved, broke or put in.
    """
    depth, moved, K, world_to_camera = (
        shard.row("queries", name, row) for name in ("depth", "mask_new", "K", "world_to_camera")
    )
    seen = depth_at(np.where(moved > 0, np.float32(0), depth), pixels)
    return unproject(pixels, seen, K, world_to_camera), seen > 0


def patch_centres(patches: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Pixels (p, 2), (x, y), in the middle of patches (p,) of a (height, width) image, numbered row by row."""
    row, column = np.divmod(patches, size[1] // STRIDE)
    return (np.column_stack([column, row]) + 0.5) * STRIDE

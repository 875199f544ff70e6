"""Where what a query shows is seen in the reference views: exact, by depth and cameras, no pseudo-labels needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.format.cameras import project, unproject
from pipeline.format.reader import Shard
from pipeline.training.models.encoder import STRIDE

#: A point is seen in a view if it lies at the view's depth there, give or take what a pixel spans at that depth times
#: this: points fall between pixel centres, where slanted surfaces have another depth.
DEPTH_TOLERANCE = 2.5


class Cameras(NamedTuple):
    """What n images see: depth (n, H, W) z in world units, 0 for background; K (n, 3, 3); world_to_camera (n, 4, 4)."""

    depth: NDArray[np.float32]
    K: NDArray[np.float32]
    world_to_camera: NDArray[np.float32]


def depth_at(depth: NDArray[np.float32], pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depths (..., p) of the pixels (..., p, 2) of maps (..., H, W) that hold the points; 0 outside of them."""
    height, width = depth.shape[-2:]
    inside = ((pixels >= 0) & (pixels < (width, height))).all(-1)
    column, row = (np.where(inside, pixels[..., axis], 0).astype(np.int64) for axis in (0, 1))
    flat = depth.reshape(*depth.shape[:-2], height * width)
    return np.where(inside, np.take_along_axis(flat, row * width + column, axis=-1), 0.0).astype(np.float64)


def shown_in(xyz: NDArray[np.float64], views: Cameras) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Pixels (..., p, 2) of world positions (p, 3) in each view, and whether it shows them there, (..., p)."""
    pixels, depth = project(views.K, views.world_to_camera, xyz)
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
    return unproject(K, world_to_camera, pixels, seen), seen > 0


def patch_centres(patches: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Pixels (p, 2), (x, y), in the middle of patches (p,) of a (height, width) image, numbered row by row."""
    row, column = np.divmod(patches, size[1] // STRIDE)
    return (np.column_stack([column, row]) + 0.5) * STRIDE

"""Where what a query shows is seen in the reference views: exact, by depth and cameras, no pseudo-labels needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from pipeline.format.cameras import project, unproject
from pipeline.format.reader import Shard
from pipeline.training.models.encoder import STRIDE

#: A point is seen in a view if it lies at the view's depth there, give or take what a pixel spans at that depth times
#: this: points fall between pixel centres, where slanted surfaces have another depth.
DEPTH_TOLERANCE = 2.5


class Cameras(NamedTuple):
    """What images see, and from where. depth: z in world units, 0 for background."""

    depth: Float32[np.ndarray, "*view height width"]
    K: Float32[np.ndarray, "*view 3 3"]
    world_to_camera: Float32[np.ndarray, "*view 4 4"]


def depth_at(
    depth: Float32[np.ndarray, "*view height width"], pixels: Float64[np.ndarray, "*view point 2"]
) -> Float64[np.ndarray, "*view point"]:
    """Depths of the pixels of maps that hold the points; 0 outside of them.

    >>> depth_at(np.array([[1, 2], [3, 4]], dtype=np.float32), np.array([[1.9, 0.1], [0.5, 2.5]])).tolist()
    [2.0, 0.0]
    """
    height, width = depth.shape[-2:]
    inside = ((pixels >= 0) & (pixels < (width, height))).all(-1)
    column, row = (np.where(inside, pixels[..., axis], 0).astype(np.int64) for axis in (0, 1))
    flat = depth.reshape(*depth.shape[:-2], height * width)
    return np.where(inside, np.take_along_axis(flat, row * width + column, axis=-1), 0.0).astype(np.float64)


def shown_in(
    xyz: Float64[np.ndarray, "point 3"], views: Cameras
) -> tuple[Float64[np.ndarray, "*view point 2"], Bool[np.ndarray, "*view point"]]:
    """Pixels of world positions in each view, and whether it shows them there."""
    pixels, depth = project(views.K, views.world_to_camera, xyz)
    seen = depth_at(views.depth, pixels)
    span = depth / views.K[..., :1, 0]
    return pixels, (seen > 0) & (np.abs(seen - depth) < DEPTH_TOLERANCE * span)


def true_matches(
    xyz: Float64[np.ndarray, "point 3"], known: Bool[np.ndarray, " point"], views: Cameras
) -> tuple[Int64[np.ndarray, "view point"], Bool[np.ndarray, "view point"]]:
    """The patch of each view that shows each world position, and whether it does.

    Patches are numbered row by row. A position that is not ``known`` is shown by none.
    """
    pixels, shown = shown_in(xyz, views)
    shown &= known
    patch = np.where(shown[..., None], pixels, 0).astype(np.int64) // STRIDE
    return patch[..., 1] * (views.depth.shape[-1] // STRIDE) + patch[..., 0], shown


def unmoved_points(
    shard: Shard, row: int, pixels: Float64[np.ndarray, "point 2"]
) -> tuple[Float64[np.ndarray, "point 3"], Bool[np.ndarray, " point"]]:
    """World positions that the stored query of ``row`` shows at pixels, and which of them are the reference's.

    Unknown (false) on background and on parts that an anomaly moved, broke or put in.
    """
    depth, moved = (shard.row("queries", name, row) for name in ("depth", "mask_new"))
    K, world_to_camera = shard.camera("queries", row)
    seen = depth_at(np.where(moved > 0, np.float32(0), depth), pixels)
    return unproject(K, world_to_camera, pixels, seen), seen > 0


def patch_centres(patches: Int64[np.ndarray, " point"], size: tuple[int, int]) -> Float64[np.ndarray, "point 2"]:
    """Pixels (x, y) in the middle of patches of a (height, width) image, numbered row by row.

    >>> patch_centres(np.array([0, 5]), size=(32, 32)).tolist()
    [[4.0, 4.0], [12.0, 12.0]]
    """
    row, column = np.divmod(patches, size[1] // STRIDE)
    return (np.column_stack([column, row]) + 0.5) * STRIDE

"""Masks, boxes and what of an anomaly can be seen, from two ray-cast images of the same camera."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from pipeline.geometry.raycast import RayImage

#: Depths of the intact and the anomalous shape that differ by more than this (world units) are a change.
DEPTH_CHANGE = 0.005
#: Rings of pixels along the image's border that the object leaves free, at any resolution.
FRAME_MARGIN = 2

Mask = UInt8[np.ndarray, "height width"]  # 0 or 255


@dataclass(frozen=True)
class Mark:
    """What one image shows of one of its anomalies.

    anomaly: ``Anomaly.name``; bbox: (x, y, width, height) in pixels, half-open: the tight box of ``new``,
        or of ``old`` where nothing of the part is left.
    visible_share, changed_pixels: as measured by ``ViewSelector``.
    new, old: where the image shows the anomalous part, and where the intact
        shape shows the same part.
    surface_only: the anomaly leaves geometry alone, so only the drawn image can prove it.
    """

    anomaly: str
    bbox: tuple[int, int, int, int]
    visible_share: float
    changed_pixels: int
    new: Mask
    old: Mask
    surface_only: bool = False


def object_mask(image: RayImage) -> Mask:
    """255 where anything is hit, else 0."""
    return _mask(image.part_ids > 0)


def part_mask(image: RayImage, parts: Collection[int]) -> Mask:
    """255 where one of ``parts`` is the first hit, else 0."""
    return _mask(np.isin(image.part_ids, np.asarray(sorted(parts), dtype=np.uint16)))


def _mask(pixels: Bool[np.ndarray, "height width"]) -> Mask:
    return pixels.astype(np.uint8) * np.uint8(255)


def changed(before: RayImage, after: RayImage) -> Bool[np.ndarray, "height width"]:
    """True at pixels whose first hit is another part or another depth than it was."""
    moved = np.abs(before.depth - after.depth) > DEPTH_CHANGE
    return moved | (before.part_ids != after.part_ids)


def visible_share(seen: Mask, alone: RayImage) -> float:
    """Pixels at which a part is ``seen``, as a share of those it has when rendered ``alone``."""
    total = int((alone.part_ids > 0).sum())
    return int((seen > 0).sum()) / total if total else 0.0


def touches_frame(mask: Mask) -> bool:
    """True if a non-zero pixel lies on one of the image's two outer rings of pixels.

    On the outermost the object may go on outside. On the second it may darken the outermost: a pixel's centre that is
    hit tells that the edge lies anywhere up to the next centre, which the pixel filter of the drawn image reaches (it
    is 1.5 pixels wide, 0.75 to either side). With both free the edge is beyond every border pixel's filter.
    """
    inner = mask[FRAME_MARGIN:-FRAME_MARGIN, FRAME_MARGIN:-FRAME_MARGIN]
    return np.count_nonzero(inner) < np.count_nonzero(mask)

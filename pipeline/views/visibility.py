"""Masks, boxes and what of an anomaly can be seen, from two ray-cast images of the same camera."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.geometry.raycast import RayImage

#: Depths of the intact and the anomalous shape that differ by more than this (world units) are a change.
DEPTH_CHANGE = 0.005

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Masks:
    """All (H, W) uint8, 0 or 255. ``new``: the anomalous part where it is the first hit; ``old``: the
    same part in the intact shape; ``object`` and ``object_normal``: any hit, with the anomaly and without."""

    new: Mask
    old: Mask
    object: Mask
    object_normal: Mask


def _mask(pixels: NDArray[np.bool_]) -> Mask:
    return pixels.astype(np.uint8) * np.uint8(255)


def make_masks(intact: RayImage, anomalous: RayImage, target: Collection[int]) -> Masks:
    """Masks of the parts ``target``; both images come from the same camera."""
    parts = np.asarray(sorted(target), dtype=np.uint16)
    return Masks(
        new=_mask(np.isin(anomalous.part_ids, parts)),
        old=_mask(np.isin(intact.part_ids, parts)),
        object=_mask(anomalous.part_ids > 0),
        object_normal=_mask(intact.part_ids > 0),
    )


def changed_pixels(intact: RayImage, anomalous: RayImage) -> int:
    """Pixels whose first hit is another part or another depth than in the intact shape."""
    moved = np.abs(intact.depth - anomalous.depth) > DEPTH_CHANGE
    return int((moved | (intact.part_ids != anomalous.part_ids)).sum())


def visible_share(image: RayImage, alone: RayImage, target: Collection[int]) -> float:
    """Share of the parts' pixels, rendered ``alone``, that the rest of the object leaves visible."""
    total = int((alone.part_ids > 0).sum())
    seen = int(np.isin(image.part_ids, np.asarray(sorted(target), dtype=np.uint16)).sum())
    return seen / total if total else 0.0


def bounding_box(mask: NDArray[np.integer]) -> tuple[int, int, int, int]:
    """Tight half-open box (x, y, width, height) of the non-zero pixels; zeros for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def touches_frame(mask: Mask) -> bool:
    """True if a non-zero pixel lies on the image border: the object may go on outside."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())

"""Boxes and overlap of masks, by the conventions of docs/conventions.md: half-open, in pixels."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped, UInt8


def bounding_box(mask: Shaped[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Tight half-open box (x, y, width, height) of the non-zero pixels of a mask; zeros for an empty mask.

    >>> bounding_box(np.array([[0, 0, 0], [0, 255, 255]]))
    (1, 1, 2, 1)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def mask_iou(one: UInt8[np.ndarray, "height width"], other: UInt8[np.ndarray, "height width"]) -> float:
    """Intersection over union of the non-zero pixels of two masks; 0 where both are empty.

    >>> mask_iou(np.array([[1, 1, 0]], np.uint8), np.array([[0, 1, 1]], np.uint8))
    0.3333333333333333
    """
    union = int(((one > 0) | (other > 0)).sum())
    return int(((one > 0) & (other > 0)).sum()) / union if union else 0.0

"""Outlines of masks: how far pixels are from them, and which pixels lie along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from PIL import Image
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter, label, map_coordinates

#: Of the outline's distance field, so that its gradient is smooth across the corners of pixels.
SMOOTHING = 0.7  # pixels


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of a mask.

    distance: pixels to it, negative within the mask; gradient: of the distance along x and y; pixels: the centres
    (x, y) of the mask's pixels along it.
    """

    distance: Float64[np.ndarray, "height width"]
    gradient: Float64[np.ndarray, "2 height width"]
    pixels: Float64[np.ndarray, "point 2"]

    def at(
        self, places: Float64[np.ndarray, "point 2"]
    ) -> tuple[Float64[np.ndarray, " point"], Float64[np.ndarray, "point 2"]]:
        """Distance and its gradient at pixels (x, y), between their centres interpolated."""
        rows = (places[:, ::-1] - 0.5).T
        fields = (self.distance, *self.gradient)
        distance, x, y = (map_coordinates(field, rows, order=1, mode="nearest") for field in fields)
        return distance, np.stack([x, y], axis=-1)


def outline(mask: Bool[np.ndarray, "height width"]) -> Outline:
    """Of a mask that is neither empty nor everywhere.

    >>> square = np.zeros((9, 9), dtype=bool)
    >>> square[3:6, 3:6] = True
    >>> len(outline(square).pixels)  # its rim
    8
    """
    outside, inside = distance_transform_edt(~mask), distance_transform_edt(mask)
    distance = gaussian_filter(np.where(mask, 0.5 - inside, outside - 0.5), SMOOTHING)
    down, right = np.gradient(distance)
    return Outline(distance, np.stack([right, down]), rim(mask)[:, ::-1] + 0.5)


def shrunk(mask: Bool[np.ndarray, "height width"], size: int) -> Float32[np.ndarray, "{size} {size}"]:
    """The share of each of fewer pixels that a mask covers."""
    image = Image.fromarray(mask.astype(np.float32)).resize((size, size), Image.Resampling.BOX)
    return np.asarray(image)


def rim(mask: Bool[np.ndarray, "height width"]) -> Int64[np.ndarray, "point 2"]:
    """Rows and columns of the pixels of a mask that touch what is outside of it; the image's border is not outside.

    >>> rim(np.array([[True, True, False]])).tolist()
    [[0, 1]]
    """
    return np.argwhere(mask & ~binary_erosion(mask, border_value=1))


def without_dust(mask: Bool[np.ndarray, "height width"], least: float) -> Bool[np.ndarray, "height width"]:
    """Without connected pieces of at most this share of all: too small to be a part, and one far off would mislead.

    >>> without_dust(np.array([[True, True, False, True]]), 0.4).tolist()
    [[True, True, False, False]]
    """
    pieces, _ = label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept: Bool[np.ndarray, "height width"] = (sizes > least * sizes.sum())[pieces]
    return kept

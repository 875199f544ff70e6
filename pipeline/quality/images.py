"""Checks on drawn images: each a pure function of arrays that returns what it measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def object_contrast(image: Image, mask: Image) -> float:
    """Standard deviation of the grey values (0-255) over the non-zero pixels of ``mask``; 0 if there are none.

    ``image``: (H, W, 3) or (H, W). Near 0 means blank: black, blown out or not drawn at all.
    """
    grey = image.mean(axis=-1) if image.ndim == 3 else image
    values = grey[mask > 0]
    return float(values.std()) if len(values) else 0.0


def magenta_share(image: Image, mask: Image) -> float:
    """Share of the object's pixels in the magenta that Blender shows for a missing texture."""
    red, green, blue = image[mask > 0].astype(np.int16).T
    if len(red) == 0:
        return 0.0
    # Shading darkens magenta but keeps its ratio: red and blue alike and far above green.
    magenta = (np.abs(red - blue) < 24) & (np.minimum(red, blue) > 4 * green + 40)
    return float(magenta.mean())


def index_agreement(
    drawn: NDArray[np.uint16], cast: NDArray[np.uint16], region: NDArray[np.bool_] | None = None
) -> float:
    """Share of a region's pixels, edges included, on which two part-id images agree; 1 for an empty region.

    Without ``region``: the pixels at which either shows the object. The background would drown a part
    that was not drawn.
    """
    pixels = (drawn > 0) | (cast > 0) if region is None else region
    return float((drawn == cast)[pixels].mean()) if pixels.any() else 1.0


def changed_share(image: Image, other: Image, region: NDArray[np.bool_], least: float) -> float:
    """Share of the pixels of ``region`` at which two images (H, W, 3) differ by more than ``least`` (0-255, the mean
    over the channels); 0 for an empty region."""
    difference = np.abs(image[region].astype(np.int16) - other[region]).mean(axis=1)
    return float((difference > least).mean()) if region.any() else 0.0

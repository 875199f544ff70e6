"""The object in an image on white that came without a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: A pixel is taken for the object if its darkest channel is so far below white, or its channels differ by so much:
#: shadows are lighter and grey. Measured in docs/format.md.
DARKNESS, COLOURFULNESS = 64, 16


def object_estimate(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where an image (H, W, 3) on white shows an object rather than its shadow, 0 or 255: what is dark or coloured.

    >>> object_estimate(np.array([[[255, 255, 255], [220, 220, 220], [90, 60, 40]]], np.uint8)).tolist()
    [[0, 0, 255]]
    """
    low, high = image.min(axis=2), image.max(axis=2)
    return np.where((255 - low > DARKNESS) | (high - low > COLOURFULNESS), 255, 0).astype(np.uint8)

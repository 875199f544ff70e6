"""One map of a set, whatever the format of its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.images import Picture, read_image


def read(path: Path) -> Picture:
    """Read a map: where nothing shows it has the mean of what does, else its colours are as they are.

    Alpha is not blended in: many a map keeps another map there. Raises as ``read_image`` does.
    """
    picture = read_image(path, "map")
    if picture.alpha is None:
        return picture
    hidden = picture.alpha == 0
    if hidden.all() or not hidden.any():
        return picture
    pixels = picture.pixels.copy()
    pixels[hidden] = np.round(pixels[~hidden].mean(axis=0)).astype(pixels.dtype)
    return replace(picture, pixels=pixels)

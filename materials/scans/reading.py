"""One image file as an array of integers, whatever its format."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UnitRejected

#: What Pillow's decoders raise on damaged files.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, struct.error)
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)

Pixels = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Picture:
    """``pixels``: (height, width, 1 or 3) uint8 or uint16, full scale; ``path``: where they come from."""

    path: Path
    pixels: Pixels

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read(path: Path) -> Picture:
    """Read an image. UnitRejected names the file if it is damaged or too large; OSError if the disk fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return Picture(path, _pixels(image))
    except _TOO_LARGE as error:
        raise UnitRejected(
            "map-too-large", f"{path} has more than {Image.MAX_IMAGE_PIXELS} pixels; save it at 8192 x 8192 or less"
        ) from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system, not of the file: another run may well read it
        raise UnitRejected(
            "map-unreadable", f"{path} cannot be read as an image ({error}); replace the file or remove its set"
        ) from error


def _pixels(image: Image.Image) -> Pixels:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[..., None]
    if image.mode == "I":  # how some formats and versions deliver 16 bits
        return np.clip(np.asarray(image), 0, 65535).astype(np.uint16)[..., None]
    if image.mode == "F":
        share = np.nan_to_num(np.clip(np.asarray(image), 0.0, 1.0))
        return np.round(share * 65535).astype(np.uint16)[..., None]
    if "A" in image.getbands() or "transparency" in image.info:
        return _opaque(np.asarray(image.convert("RGBA")))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))


def _opaque(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 3) colours of (h, w, 4) pixels: where nothing shows, the mean of what does; else as they are.

    Alpha is not blended in: many a map keeps another map there.
    """
    color, hidden = pixels[..., :3].copy(), pixels[..., 3] == 0
    if hidden.any() and not hidden.all():
        color[hidden] = np.round(color[~hidden].mean(axis=0)).astype(np.uint8)
    return color

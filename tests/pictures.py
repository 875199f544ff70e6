"""Pictures with known radiance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_photograph(path: Path, grey: int, size: tuple[int, int] = (48, 32)) -> Path:
    """An even grey (sRGB) picture of ``size`` = (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey,) * 3).save(path)
    return path


def write_radiance(path: Path, image: NDArray[np.floating]) -> Path:
    """A Radiance HDR file of (H, W, 3) linear RGB, each pixel by itself: 8 bits a channel and a common exponent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exponent = np.floor(np.log2(np.maximum(image.max(axis=2, keepdims=True), 1e-30))) + 1
    mantissa = np.clip(image * 256 / 2.0**exponent, 0, 255)
    pixels = np.concatenate([mantissa, exponent + 128], axis=2).clip(0, 255).astype(np.uint8)
    height, width = image.shape[:2]
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width) + pixels.tobytes())
    return path

"""A photograph with a known object, as array and as file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.training.prediction.photograph import CutBy, Photograph

OBJECT = (slice(40, 90), slice(100, 140))  # rows and columns of a 50 x 40 object in a 120 x 200 photograph


def scene(background: int = 200) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    pixels = np.full((120, 200, 3), background, dtype=np.uint8)
    pixels[OBJECT] = (180, 40, 20)
    mask = np.zeros((120, 200), dtype=bool)
    mask[OBJECT] = True
    return pixels, mask


def photograph(background: int = 200, cut_by: CutBy = "mask") -> Photograph:
    return Photograph(Path("photo.png"), *scene(background), cut_by)


def saved(path: Path, array: NDArray[np.generic], **options: Any) -> Path:
    Image.fromarray(array).save(path, **options)
    return path

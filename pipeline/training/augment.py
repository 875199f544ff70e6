"""Augmentation of query images: a random crop enlarged back to full size, and a left-right flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ATTEMPTS = 10  # crops drawn before the image is left whole
MIN_BOX_KEPT = 0.5  # share of the anomaly's box area that a crop must keep; less would falsify the label


@dataclass(frozen=True)
class Window:
    """The part of an image that is kept, in pixels [x0, x0 + width) x [y0, y0 + height), then flipped or not."""

    x0: int
    y0: int
    width: int
    height: int
    flip: bool = False

    def apply(self, image: NDArray[np.uint8], resample: Image.Resampling) -> NDArray[np.uint8]:
        """Cut an (H, W) or (H, W, 3) image, resize to (H, W) again and flip."""
        height, width = image.shape[:2]
        box = (self.x0, self.y0, self.x0 + self.width, self.y0 + self.height)
        resized = np.asarray(Image.fromarray(image).resize((width, height), resample, box))
        return np.array(resized[:, ::-1] if self.flip else resized)

    def source(self, pixels: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Where (p, 2) pixels (x, y) of the result came from in the (height, width) image."""
        height, width = size
        x = width - pixels[:, 0] if self.flip else pixels[:, 0]
        return np.column_stack([self.x0 + x * self.width / width, self.y0 + pixels[:, 1] * self.height / height])

    def move_box(self, box: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float64]:
        """Where an [x, y, w, h] box of the (height, width) image lies after ``apply``, cut at the border.

        The width or height is 0 where nothing of it is left.
        """
        height, width = size
        scale = np.array([width / self.width, height / self.height])
        low = np.clip((box[:2] - (self.x0, self.y0)) * scale, 0, (width, height))
        high = np.clip((box[:2] + box[2:] - (self.x0, self.y0)) * scale, 0, (width, height))
        if self.flip:
            low[0], high[0] = width - high[0], width - low[0]
        return np.concatenate([low, high - low])


def whole(size: tuple[int, int]) -> Window:
    """The window that leaves a (height, width) image as it is."""
    return Window(0, 0, size[1], size[0])


def draw_window(
    generator: np.random.Generator, size: tuple[int, int], box: NDArray[Any], crop_share: float, flip: bool
) -> Window:
    """Draw a crop of ``crop_share`` of each edge and, if ``flip``, a flip with probability 1/2.

    A crop that would cut away most of the [x, y, w, h] box is drawn again, at most ATTEMPTS times, and
    then given up, so that every sample stays, with a true label. An empty box (w = h = 0) constrains nothing.
    """
    height, width = size
    crop_width, crop_height = max(1, round(width * crop_share)), max(1, round(height * crop_share))
    flipped = flip and bool(generator.random() < 0.5)
    for _ in range(ATTEMPTS):
        x0 = int(generator.integers(width - crop_width + 1))
        y0 = int(generator.integers(height - crop_height + 1))
        window = Window(x0, y0, crop_width, crop_height, flipped)
        if _kept_share(window, box) >= MIN_BOX_KEPT:
            return window
    return Window(0, 0, width, height, flipped)


def _kept_share(window: Window, box: NDArray[Any]) -> float:
    if box[2] <= 0 or box[3] <= 0:
        return 1.0
    low = np.maximum(box[:2], (window.x0, window.y0))
    high = np.minimum(box[:2] + box[2:], (window.x0 + window.width, window.y0 + window.height))
    return float(np.prod(np.clip(high - low, 0, None)) / (box[2] * box[3]))

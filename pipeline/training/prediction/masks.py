"""What is the object by a mask, or by what an image leaves transparent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Shaped, UInt
from scipy.ndimage import maximum_filter

from pipeline.errors import PipelineError
from pipeline.format.boxes import bounding_box
from pipeline.images import Picture

#: A mask's values, from its darkest to its brightest as 0 to 1: below is surely dark, above surely bright.
DARK, BRIGHT = 0.25, 0.75
#: What lies between is an edge within this share of the image from both, ...
EDGE = 0.02
#: ... all edges are at most this share of the image, and what is no edge this share of the smaller of object and rest.
MAX_EDGES, MAX_UNCLEAR = 0.2, 0.1
#: Bytes below are the noise of a black JPEG unless they have two values alone.
BLACK = 16
#: A window's picture fills so much of its box, and its box so much of the image.
WINDOW_FILL, WINDOW_SHARE = 0.95, 0.5


def border(
    pixels: Shaped[np.ndarray, "height width *channel"],
) -> Shaped[np.ndarray, " 2*(height+width) *channel"]:
    """The outermost pixels of an image, those in the corners twice.

    >>> border(np.arange(9).reshape(3, 3)).tolist()
    [0, 1, 2, 6, 7, 8, 0, 3, 6, 2, 5, 8]
    """
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def cuts_out(opaque: Bool[np.ndarray, "height width"]) -> bool:
    """Whether an image was made transparent around an object, along most of its border.

    Rounded corners do not do that, nor does the shadow around the picture of a window.
    """
    if border(opaque).mean() > 0.5:
        return False
    _, _, width, height = bounding_box(opaque)
    box = width * height
    return not (opaque.sum() > WINDOW_FILL * box and box > WINDOW_SHARE * opaque.size)


def read_mask(mask: Picture, of: Path, shape: tuple[int, ...]) -> Bool[np.ndarray, "height width"]:
    """The object by a picture that is white, or opaque, on the object in the photograph ``of``, black around it.

    White is its brightest value, whatever its depth. Raises PipelineError for another size, or what is no mask.
    """
    height, width = mask.pixels.shape[:2]
    if (height, width) != shape:
        raise PipelineError(
            f"mask {mask.path} has {width} x {height} pixels, photograph {of} {shape[1]} x {shape[0]}: a mask is "
            "white on the object, of the upright photograph's size"
        )
    values = mask.pixels.max(axis=2)
    if mask.alpha is not None:
        opaque = mask.alpha > 127
        if cuts_out(opaque):
            return opaque
        values = np.where(opaque, values, 0)
    found = _bright(mask.path, values)
    if not found.all() and border(found).mean() > 0.5:
        raise PipelineError(
            f"mask {mask.path} is white along most of its border: it must be black around the object; is it inverted?"
        )
    return found


def _bright(path: Path, values: UInt[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Where a picture of two values is bright, its edges may be soft. PipelineError if it has others."""
    brightest = int(values.max())
    if brightest == 0 or (values.dtype == np.uint8 and brightest < BLACK and len(np.unique(values)) > 2):
        return np.zeros(values.shape, dtype=bool)
    darkest = int(values.min())
    if darkest > brightest / 2:
        return np.ones(values.shape, dtype=bool)
    share = (values - np.float32(darkest)) / np.float32(brightest - darkest)
    found = share > 0.5
    dark, bright = share <= DARK, share >= BRIGHT
    between = ~(dark | bright)
    reach = 2 * max(3, round(EDGE * max(values.shape))) + 1
    unclear = between & ~(maximum_filter(dark, reach) & maximum_filter(bright, reach))
    smaller = min(found.sum(), (~found).sum())
    if between.mean() > MAX_EDGES or unclear.sum() > MAX_UNCLEAR * smaller:
        raise PipelineError(
            f"mask {path} is no mask: {between.mean():.0%} of it is neither dark nor bright, as in a photograph; a "
            "mask is white on the object and black around it"
        )
    return found

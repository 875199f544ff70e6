"""Photographs: read upright, with the object that they show found in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy.ndimage import label

from pipeline.errors import PipelineError
from pipeline.shards.silhouette import object_estimate

#: What told the object from its background.
CutBy = Literal["mask", "alpha", "white", "rembg"]

#: A border is white that differs from 255 by at most this.
BORDER_WHITE = 12
#: Pieces of an object that was found by colour or by rembg, in shares of all of it; smaller ones are dust.
DUST = 0.001
WAYS_OUT = (
    "give a mask with --mask, save it as PNG with an alpha channel, put the object before plain white, "
    "or let rembg find it: `pip install -e '.[segment]'`"
)


@dataclass(frozen=True, eq=False)
class Photograph:
    """An upright photograph and its object: pixels (H, W, 3) uint8, white where transparent; mask (H, W) bool."""

    path: Path
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    cut_by: CutBy


def read_photograph(path: Path, mask: Path | None) -> Photograph:
    """Find the object: by a mask file, the alpha channel, a white background, or the library rembg if it is there.

    Raises PipelineError, with the file and the way out, for what is no image, has no object, or a mask of another size.
    """
    image = _open(path, "photograph")
    alpha = np.asarray(image.getchannel("A")) > 127 if "A" in image.getbands() else None
    pixels = np.asarray(_over(image, "white"))
    if mask is not None:
        return _checked(path, pixels, _read_mask(mask, path, image.size), "mask", f"mask {mask}")
    if alpha is not None and not alpha.all():
        return _checked(path, pixels, alpha, "alpha", "alpha channel")
    if (255 - _border(pixels) <= BORDER_WHITE).all():
        found = _without_dust(object_estimate(pixels) > 0)
        return _checked(path, pixels, found, "white", "image before its white background")
    return _checked(path, pixels, _segment(image, path), "rembg", "image, as rembg sees it,")


def _open(path: Path, what: str) -> Image.Image:
    """Upright, 8 bits a channel, RGB or with alpha."""
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith("I"):  # 16 bits
                upright = Image.fromarray((np.asarray(upright) / 257).clip(0, 255).astype(np.uint8))
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except FileNotFoundError as error:
        raise PipelineError(f"{what} {path} is missing") from error
    except Image.DecompressionBombError as error:
        raise PipelineError(f"{what} {path} is too large ({error}); scale it down") from error
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise PipelineError(f"{what} {path} cannot be read as an image ({error}); save it as PNG or JPEG") from error


def _over(image: Image.Image, colour: str) -> Image.Image:
    """RGB, with ``colour`` where the image is transparent."""
    ground = Image.new("RGBA", image.size, colour)
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _read_mask(path: Path, of: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = _over(_open(path, "mask"), "black").convert("L")
    if mask.size != size:
        raise PipelineError(
            f"mask {path} has {mask.size[0]} x {mask.size[1]} pixels, photograph {of} {size[0]} x {size[1]}: a mask is "
            "white on the object, of the upright photograph's size"
        )
    return np.asarray(mask) > 127


def _border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _segment(image: Image.Image, path: Path) -> NDArray[np.bool_]:
    try:
        import onnxruntime  # noqa: F401  rembg ends the whole process where it is missing
        from rembg import remove
    except ImportError as error:
        raise PipelineError(f"photograph {path}: what is the object, and what is behind it? {WAYS_OUT}") from error
    return _without_dust(np.asarray(remove(image.convert("RGB"), only_mask=True)) > 127)


def _without_dust(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without connected pieces that are too small to be a part: one of them far off would shrink the object."""
    pieces, _ = label(found, structure=np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept: NDArray[np.bool_] = (sizes > DUST * sizes.sum())[pieces]
    return kept


def _checked(path: Path, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], by: CutBy, where: str) -> Photograph:
    if not mask.any():
        raise PipelineError(f"photograph {path}: its {where} shows no object; {WAYS_OUT}")
    if mask.all():
        raise PipelineError(f"photograph {path}: its {where} shows nothing but object; it must be black around it")
    return Photograph(path, pixels, mask, by)

"""Photographs made like the query images that models are trained on: cut out, centred, white around, a soft shadow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy.ndimage import gaussian_filter

from pipeline.errors import PipelineError

#: Longer edge of the object's box over the image's edge, and the height of its centre, in rendered queries (medians of
#: 210 of the embedded default's).
EXTENT, CENTRE = 0.82, (0.5, 0.525)
#: A border is white, and a pixel of a white-background image the object's, by these differences from 255, and by these
#: differences between channels, which shadows do not have. Against true masks of 210 renders: mean IoU 0.93.
BORDER_WHITE, OBJECT_DARK, OBJECT_COLOURED = 12, 50, 20
#: The shadow: how dark, how flat, and how soft, the latter two in shares of the object's height and the image's edge.
DARKNESS, FLATNESS, SOFTNESS = 0.35, 0.14, 0.025
WAYS_OUT = (
    "give a mask with --mask, save it as PNG with an alpha channel, put the object before plain white, "
    "or `pip install rembg`, which finds objects by itself"
)


@dataclass(frozen=True, eq=False)
class Photograph:
    """An upright photograph and its object: pixels (H, W, 3) uint8; mask (H, W) bool; on_white: it already lies so."""

    path: Path
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    on_white: bool


@dataclass(frozen=True)
class Framing:
    """The square of a photograph, in its pixels, that a model sees: left and upper edge, and length; may reach out."""

    x0: float
    y0: float
    edge: float

    def to_photograph(self, box: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """An [x, y, width, height] box in the model's (size, size) image, in pixels of the photograph."""
        scaled = box * (self.edge / size)
        return scaled + np.array([self.x0, self.y0, 0.0, 0.0])


@dataclass(frozen=True, eq=False)
class Query:
    """What a model sees of a photograph: image (S, S, 3) and mask (S, S), uint8; and where that lies in it."""

    photograph: Photograph
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    framing: Framing


def read_photograph(path: Path, mask: Path | None) -> Photograph:
    """Find the object: by a mask file, the alpha channel, a white background, or the library rembg if it is there.

    Raises PipelineError, with the file and the way out, for what is no image, has no object, or a mask of another size.
    """
    image = _open(path)
    alpha = np.asarray(image.getchannel("A")) > 127 if "A" in image.getbands() else None
    on_plain = Image.new("RGBA", image.size, "white")
    pixels = np.asarray(Image.alpha_composite(on_plain, image.convert("RGBA")).convert("RGB"))
    if mask is not None:
        return _with_object(path, pixels, _read_mask(mask, path, image.size), f"mask {mask}")
    if alpha is not None and not alpha.all():
        return _with_object(path, pixels, alpha, "alpha channel")
    if (255 - _border(pixels) <= BORDER_WHITE).all():
        away = 255 - pixels.max(axis=-1).astype(int)
        spread = pixels.max(axis=-1).astype(int) - pixels.min(axis=-1)
        found = (away > OBJECT_DARK) | (spread > OBJECT_COLOURED)
        return _with_object(path, pixels, found, "image before its white background", on_white=True)
    return _with_object(path, pixels, _segment(image, path), "image, as rembg sees it,")


def as_query(photograph: Photograph, size: int, shadow: bool = True) -> Query:
    """The photograph as a (size, size) query: the object centred as in rendered ones, white around it, with a shadow.

    A square photograph on white, such as a rendered query, is taken as framed and lit already.
    """
    height, width = photograph.mask.shape
    framed = photograph.on_white and height == width
    framing = Framing(0.0, 0.0, float(width)) if framed else _around(photograph.mask)
    corners = (framing.x0, framing.y0, framing.x0 + framing.edge, framing.y0 + framing.edge)
    mask = _cut(Image.fromarray(photograph.mask.astype(np.uint8) * 255), corners, size, fill=0)
    image = _cut(Image.fromarray(photograph.pixels), corners, size, fill=255)
    if not photograph.on_white:
        cover = mask[..., None] / 255.0
        ground = 255.0 * (1 - DARKNESS * contact_shadow(mask)[..., None]) if shadow else 255.0
        image = np.round(image * cover + ground * (1 - cover)).astype(np.uint8)
    return Query(photograph, image, np.where(mask > 127, 255, 0).astype(np.uint8), framing)


def contact_shadow(mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(S, S) in [0, 1]: the silhouette laid flat at the object's feet, blurred, as under a bright sky."""
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    depth = max(2, round(FLATNESS * (bottom - top)))
    flat = Image.fromarray(mask[top:bottom]).resize((mask.shape[1], depth), Image.Resampling.BILINEAR)
    ground = np.zeros(mask.shape)
    low = min(mask.shape[0], bottom + depth // 3)
    ground[low - depth : low] = np.asarray(flat) / 255.0
    return np.clip(gaussian_filter(ground, SOFTNESS * mask.shape[1]), 0.0, 1.0)


def _open(path: Path) -> Image.Image:
    """Upright, 8 bits a channel, RGB or with alpha."""
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith("I"):  # 16 bits
                upright = Image.fromarray((np.asarray(upright) / 257).clip(0, 255).astype(np.uint8))
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except FileNotFoundError as error:
        raise PipelineError(f"photograph {path} is missing") from error
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise PipelineError(
            f"photograph {path} cannot be read as an image ({error}); save it as PNG or JPEG"
        ) from error


def _read_mask(path: Path, of: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = _open(path).convert("L")
    if mask.size != size:
        raise PipelineError(
            f"mask {path} has {mask.size[0]} x {mask.size[1]} pixels, photograph {of} {size[0]} x {size[1]}: a mask is "
            "white on the object, of the photograph's size"
        )
    return np.asarray(mask) > 127


def _border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _segment(image: Image.Image, path: Path) -> NDArray[np.bool_]:
    try:
        from rembg import remove
    except ImportError as error:
        raise PipelineError(f"photograph {path}: what is the object, and what is behind it? {WAYS_OUT}") from error
    return np.asarray(remove(image.convert("RGB"), only_mask=True)) > 127


def _with_object(
    path: Path, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], where: str, on_white: bool = False
) -> Photograph:
    if not mask.any():
        raise PipelineError(f"photograph {path}: its {where} shows no object; {WAYS_OUT}")
    return Photograph(path, pixels, mask, on_white)


def _around(mask: NDArray[np.bool_]) -> Framing:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    edge = max(x1 - x0, y1 - y0) / EXTENT
    return Framing(float((x0 + x1) / 2 - CENTRE[0] * edge), float((y0 + y1) / 2 - CENTRE[1] * edge), float(edge))


def _cut(image: Image.Image, corners: tuple[float, float, float, float], size: int, fill: int) -> NDArray[np.uint8]:
    """The rectangle ``corners`` of an image, resized to (size, size); ``fill`` where it reaches out of it."""
    margin = int(np.ceil(max(0.0, -corners[0], -corners[1], corners[2] - image.width, corners[3] - image.height)))
    padded = ImageOps.expand(image, margin, fill=fill if image.mode == "L" else (fill,) * 3)
    box = (corners[0] + margin, corners[1] + margin, corners[2] + margin, corners[3] + margin)
    return np.asarray(padded.resize((size, size), Image.Resampling.LANCZOS, box))

"""One image file as an array of integers, whatever its format and depth: maps, photographs, masks, backgrounds."""

from __future__ import annotations

import errno
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.errors import UnitRejected

#: What is read, by Pillow's names. Of the others, some are read by programs that it starts.
FORMATS = (
    "AVIF",
    "BMP",
    "DDS",
    "DIB",
    "GIF",
    "ICO",
    "JPEG",
    "JPEG2000",
    "PCX",
    "PNG",
    "PPM",
    "QOI",
    "SGI",
    "TGA",
    "TIFF",
    "WEBP",
)
#: What Pillow's decoders raise on damaged files.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    RuntimeError,
    AttributeError,
    AssertionError,
    MemoryError,
    struct.error,
    zlib.error,
)
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
#: Formats whose further frames may be pictures of their own; those of others are layers, sizes or previews.
_PAGED = ("GIF", "PNG", "TIFF", "WEBP")
#: Floats may reach so far out of their range, as sharpening and resizing let them.
_OVERSHOOT = 0.05
#: Floats above 1 are taken to go to 255 if one is as large as this: a picture that ends below is hardly seen.
_SURELY_BYTES = 16.0
#: TIFF's tag of how values are shown, and its value where 0 is white. Pillow heeds it up to 8 bits.
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0

Pixels = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Picture:
    """``pixels``: (height, width, 1 or 3) uint8 or uint16, full scale; ``path``: where they come from.

    alpha: (height, width) uint8, None if all is opaque; scale_told: whether the file says which number is white, unlike
    one of 16 or 32 bits, in which 12 may lie.
    """

    path: Path
    pixels: Pixels
    alpha: NDArray[np.uint8] | None = None
    scale_told: bool = True

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_image(path: Path, what: str) -> Picture:
    """Read an image, upright. ``what`` the file is to its user begins the text of errors.

    UnitRejected names the file if it is damaged, too large, of several pages, or of numbers whose scale nobody tells;
    OSError if the disk fails.
    """
    with opened(path, what) as image:
        stored = str(getattr(image, "tile", ()))  # what Pillow decodes it from
        told = not (image.mode == "I" or ";16" in stored)
        if image.format == "TIFF" and image.mode[0] in "IF" and _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
            raise ValueError("its 0 is white, in more than 8 bits")
        upright = ImageOps.exif_transpose(image)
        pixels, alpha = _decoded(upright)
    if "I;12" in stored:
        pixels = _stretched(pixels, 12)
    return Picture(path, pixels, None if alpha is None or alpha.min() == 255 else alpha, told)


def check_header(path: Path, what: str) -> None:
    """Raise as ``read_image`` does for what a file's header tells; nothing is decoded."""
    with opened(path, what):
        pass


def as_seen(picture: Picture, ground: int) -> NDArray[np.uint8]:
    """(H, W, 3) as a viewer shows it, before the grey ``ground`` where it is transparent.

    Grey values that use 12, 10 or 8 of their 16 bits are stretched to all of them. UnitRejected if the picture is so
    dark that fewer bits may be meant, and nothing tells.
    """
    pixels = _at_full_scale(picture)
    seen = (pixels // 257).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8)
    if picture.alpha is not None:
        alpha = picture.alpha[..., None].astype(np.uint16)
        seen = ((seen * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.broadcast_to(seen, (*seen.shape[:2], 3))


@contextmanager
def opened(path: Path, what: str) -> Iterator[Image.Image]:
    """An image file, to be decoded in this context. ``what`` the file is to its user begins the text of errors.

    UnitRejected names the file if it is damaged, too large, of several pages, or of another format than FORMATS;
    OSError if the disk fails.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if path.exists() and not path.is_file():  # what is no file, such as a pipe, might never end
                raise ValueError("it is no regular file")
            with Image.open(path, formats=_formats()) as image:
                if _of_several(image):
                    raise ValueError(f"it holds {getattr(image, 'n_frames', 0)} pictures; save the one that is meant")
                yield image
    except _TOO_LARGE as error:
        raise UnitRejected(
            "image-too-large",
            f"{what} {path} is too large (more than {Image.MAX_IMAGE_PIXELS} pixels); scale it down to 8192 x 8192 "
            "or less",
        ) from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # which seeking to nowhere gives
            raise  # of the system, not of the file: another run may well read it
        reason = " ".join(str(error).split())
        raise UnitRejected(
            "image-unreadable", f"{what} {path} cannot be read as an image ({reason}); save it as PNG or JPEG"
        ) from error


@cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow knows."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _of_several(image: Image.Image) -> bool:
    """Whether there is a second frame as large as the first: pages or an animation, of which nobody tells one."""
    if image.format not in _PAGED or getattr(image, "n_frames", 1) == 1:
        return False
    size = image.size
    image.seek(1)
    alike = image.size == size
    image.seek(0)
    return alike


def _tag(image: Image.Image, number: int) -> Any:
    tags = getattr(image, "tag_v2", {})
    return tags.get(number)


def _decoded(image: Image.Image) -> tuple[Pixels, NDArray[np.uint8] | None]:
    """(H, W, 1 or 3) full scale and (H, W) alpha, None without one. ValueError where the scale is not told."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        hidden = image.info.get("transparency")
        alpha = None if hidden is None else np.where(values == hidden, 0, 255).astype(np.uint8)
        return values[..., None], alpha
    if image.mode == "I":
        return _of_integers(np.asarray(image))[..., None], None
    if image.mode == "F":
        return _of_floats(np.asarray(image))[..., None], None
    if image.has_transparency_data:
        pixels = np.asarray(image.convert("RGBA"))
        return pixels[..., :3], pixels[..., 3]
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None], None
    return np.asarray(image.convert("RGB")), None


def _of_integers(values: NDArray[np.integer[Any]]) -> Pixels:
    """Whole numbers of 32 bits, which hold those of 8 or 16."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ValueError(f"its whole numbers go from {low} to {high}, not from 0 to 255 or 65535")
    return values.astype(np.uint8 if high <= 255 else np.uint16)


def _of_floats(values: NDArray[np.floating[Any]]) -> Pixels:
    """Numbers from 0 to 1, 255 or 65535."""
    if not np.isfinite(values).all():
        raise ValueError("some of its values are infinite or no numbers")
    low, high = float(values.min()), float(values.max())
    for white, least in ((1.0, 0.0), (255.0, _SURELY_BYTES), (65535.0, 255.0)):
        if least <= high <= white * (1 + _OVERSHOOT) and low >= -white * _OVERSHOOT:
            return np.round(np.clip(values / white, 0.0, 1.0) * 65535).astype(np.uint16)
    raise ValueError(f"its numbers go from {low:g} to {high:g}, not from 0 to 1, 255 or 65535")


def _at_full_scale(picture: Picture) -> Pixels:
    pixels = picture.pixels
    white, brightest = np.iinfo(pixels.dtype).max, int(pixels.max())
    # A byte that was spread over 16 bits is a multiple of 257: such a picture is just dark.
    if picture.scale_told or brightest > white // 4 or (white == 65535 and not (pixels % 257).any()):
        return pixels
    bits = next((bits for bits in (8, 10, 12) if brightest < 2**bits), None)
    if white == 255 or bits is None:
        raise UnitRejected(
            "image-too-dark",
            f"{picture.path}: the brightest of its 16-bit values is {brightest / white:.1%} of white, as if fewer bits "
            "were meant; save it in 8 bits, or with its white at 65535",
        )
    return _stretched(pixels, bits)


def _stretched(pixels: Pixels, bits: int) -> Pixels:
    """Numbers of so many bits over all 16."""
    return (pixels.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)

"""Photographs: read upright, with the object that they show found in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image
from scipy.ndimage import label

from pipeline.errors import PipelineError
from pipeline.extras import installing
from pipeline.format.silhouette import object_estimate
from pipeline.images import Picture, as_seen, read_image
from pipeline.pose.silhouette import without_dust
from pipeline.training.prediction.masks import border, cuts_out, read_mask

#: What told the object from its background.
CutBy = Literal["mask", "alpha", "white", "rembg"]

#: A border is white that differs from 255 by at most this.
BORDER_WHITE = 12
#: An object that lies along so much of an edge of the photograph, in shares of the edge, goes on beyond it.
CUT_OFF = 0.02
#: A second piece so large, in shares of the largest, is likely another object, if so much of its width is beside the
#: first and not above or below it, where a part that is missing between them would leave it.
SECOND, BESIDE = 0.3, 0.5
#: Pieces of an object that was found by colour or by rembg, in shares of all of it; smaller ones are dust.
DUST = 0.001
WAYS_OUT = (
    "give a mask with --mask, save it as PNG with an alpha channel, put the object before plain white, "
    f"or let rembg find it: `{installing('segment')}`"
)


@dataclass(frozen=True, eq=False)
class Photograph:
    """An upright photograph and its object: pixels, white where transparent, and mask."""

    path: Path
    pixels: UInt8[np.ndarray, "height width 3"]
    mask: Bool[np.ndarray, "height width"]
    cut_by: CutBy


def photographs_in(path: Path) -> list[Path]:
    """A file itself, or the images of a folder by name. Raises PipelineError for a folder without any."""
    if not path.is_dir():
        return [path]
    known = Image.registered_extensions()
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in known)
    if not found:
        raise PipelineError(f"folder {path} holds no image")
    return found


def masks_for(photographs: Sequence[Path], masks: Sequence[Path]) -> list[Path | None]:
    """One each, in their order, or of a folder those of the photographs' names; no mask for any where none is given.

    Raises PipelineError where that does not come out even.
    """
    if len(masks) == 1 and masks[0].is_dir():
        by_name = {path.stem: path for path in photographs_in(masks[0])}
        for path in photographs:
            if path.stem not in by_name:
                raise PipelineError(f"folder {masks[0]} holds no mask called {path.stem} for {path}")
        return [by_name[path.stem] for path in photographs]
    if masks and len(masks) != len(photographs):
        raise PipelineError(
            f"{len(masks)} --mask for {len(photographs)} --query: give one for each, in the same order, a folder of "
            "them by name, or none"
        )
    return list(masks) or [None] * len(photographs)


def doubts(photograph: Photograph) -> list[str]:
    """What about the object's mask speaks against judging the photograph, in words; nothing where all is well."""
    mask, found = photograph.mask, []
    along = max(border.sum() / len(border) for border in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    if along > CUT_OFF:
        found.append("the object is cut off by the photograph's edge")
    if _shows_two(mask):
        found.append("there may be two objects")
    return found


def _shows_two(mask: Bool[np.ndarray, "height width"]) -> bool:
    pieces, count = label(mask, structure=np.ones((3, 3)))
    if count < 2:
        return False
    sizes = np.bincount(pieces.ravel())[1:]
    second, first = np.argsort(sizes, kind="stable")[-2:]
    columns = [(pieces == 1 + piece).any(axis=0) for piece in (second, first)]
    beside = (columns[0] & ~columns[1]).sum() / columns[0].sum()
    return bool(sizes[second] > SECOND * sizes[first] and beside > BESIDE)


def read_photograph(path: Path, mask: Path | None) -> Photograph:
    """Find the object: by a mask file, the alpha channel, a white background, or the library rembg if it is there.

    Raises PipelineError, with the file and the way out, for what is no image or has no object, and for a mask that is
    none.
    """
    picture = _read(path, "photograph")
    pixels = as_seen(picture, ground=255)
    if mask is not None:
        found = read_mask(_read(mask, "mask"), path, pixels.shape[:2])
        return _checked(path, pixels, found, "mask", f"mask {mask}")
    opaque = None if picture.alpha is None else picture.alpha > 127
    if opaque is not None and cuts_out(opaque):
        return _checked(path, pixels, opaque, "alpha", "alpha channel")
    if (255 - border(pixels) <= BORDER_WHITE).all():
        found = without_dust(object_estimate(pixels) > 0, DUST)
        return _checked(path, pixels, found, "white", "image before its white background")
    return _checked(path, pixels, _segment(pixels, path), "rembg", "image, as rembg sees it,")


def _read(path: Path, what: str) -> Picture:
    try:
        return read_image(path, what)
    except FileNotFoundError as error:
        raise PipelineError(f"{what} {path} is missing") from error
    except OSError as error:
        raise PipelineError(f"{what} {path} cannot be read: {error.strerror}") from error


def _segment(pixels: UInt8[np.ndarray, "height width 3"], path: Path) -> Bool[np.ndarray, "height width"]:
    try:
        import onnxruntime  # noqa: F401  rembg ends the whole process where it is missing
        from rembg import remove
    except ModuleNotFoundError as error:
        raise PipelineError(f"photograph {path}: what is the object, and what is behind it? {WAYS_OUT}") from error
    return without_dust(np.asarray(remove(Image.fromarray(pixels), only_mask=True)) > 127, DUST)


def _checked(
    path: Path,
    pixels: UInt8[np.ndarray, "height width 3"],
    mask: Bool[np.ndarray, "height width"],
    by: CutBy,
    where: str,
) -> Photograph:
    if not mask.any():
        raise PipelineError(f"photograph {path}: its {where} shows no object; {WAYS_OUT}")
    if mask.all():
        raise PipelineError(f"photograph {path}: its {where} shows nothing but object; it must be black around it")
    return Photograph(path, pixels, mask, by)

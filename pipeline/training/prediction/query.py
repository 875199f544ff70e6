"""Photographs made like the query images that models are trained on: white around, centred, a soft shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from PIL import Image, ImageOps

from pipeline.format.boxes import bounding_box
from pipeline.training.prediction.photograph import Photograph
from pipeline.training.prediction.shadow import contact_shadow

#: Longer edge of the object's box over the image's edge, and the centre of that box, in rendered queries (medians of
#: 210 of the embedded default's).
EXTENT, CENTRE = 0.82, (0.5, 0.525)


@dataclass(frozen=True)
class Framing:
    """The square of a photograph, in its pixels, that a model sees: left and upper edge, and length; may reach out."""

    x0: float
    y0: float
    edge: float

    def to_photograph(self, box: Float64[np.ndarray, " 4"], size: int) -> Float64[np.ndarray, " 4"]:
        """An [x, y, width, height] box in the model's image of ``size`` pixels, in pixels of the photograph.

        >>> Framing(100.0, 50.0, edge=512.0).to_photograph(np.array([64.0, 0.0, 128.0, 256.0]), 256).tolist()
        [228.0, 50.0, 256.0, 512.0]
        """
        scaled = box * (self.edge / size)
        return scaled + np.array([self.x0, self.y0, 0.0, 0.0])


@dataclass(frozen=True, eq=False)
class Query:
    """What a model sees of a photograph: image and mask, 0 or 255; and where that lies in it."""

    photograph: Photograph
    image: UInt8[np.ndarray, "size size 3"]
    mask: UInt8[np.ndarray, "size size"]
    framing: Framing


def as_query(photograph: Photograph, size: int, shadow: bool = True) -> Query:
    """The photograph as a (size, size) query: the object centred as in rendered ones, white around it, with a shadow.

    An object that stands before white already keeps what is around it, and its own shadow. If the image has the
    query's size as well, as rendered queries have, it is the query as it is.
    """
    before_white = photograph.cut_by == "white"
    if before_white and photograph.mask.shape == (size, size):
        framing = Framing(0.0, 0.0, float(size))
    else:
        framing = _around(photograph.mask)
    corners = (framing.x0, framing.y0, framing.x0 + framing.edge, framing.y0 + framing.edge)
    pixels = photograph.pixels
    if not before_white:  # before edges are blended, or the colour behind the object would fringe them
        pixels = np.where(photograph.mask[..., None], pixels, np.uint8(255))
    image = _cut(Image.fromarray(pixels), corners, size, fill=255)
    mask = _cut(Image.fromarray(photograph.mask.astype(np.uint8) * 255), corners, size, fill=0)
    if shadow and not before_white:
        ground = (1 - mask / 255.0) * contact_shadow(mask) * 255.0
        image = np.round(np.clip(image - ground[..., None], 0, 255)).astype(np.uint8)
    return Query(photograph, image, np.where(mask > 127, 255, 0).astype(np.uint8), framing)


def _around(mask: Bool[np.ndarray, "height width"]) -> Framing:
    x, y, width, height = bounding_box(mask)
    edge = max(width, height) / EXTENT
    return Framing(x + width / 2 - CENTRE[0] * edge, y + height / 2 - CENTRE[1] * edge, edge)


def _cut(
    image: Image.Image, corners: tuple[float, float, float, float], size: int, fill: int
) -> UInt8[np.ndarray, "{size} {size} *channel"]:
    """The rectangle ``corners`` of an image, resized to (size, size); ``fill`` where it reaches out of it."""
    margin = int(np.ceil(max(0.0, -corners[0], -corners[1], corners[2] - image.width, corners[3] - image.height)))
    padded = ImageOps.expand(image, margin, fill=fill if image.mode == "L" else (fill,) * 3)
    box = (corners[0] + margin, corners[1] + margin, corners[2] + margin, corners[3] + margin)
    # Of a mask no filter that rings: within the object it is wholly the object's.
    resampling = Image.Resampling.HAMMING if image.mode == "L" else Image.Resampling.LANCZOS
    return np.asarray(padded.resize((size, size), resampling, box))

"""Which colour an effect mixes into a surface (no Blender in here, so that tests may import it).

An effect must be seen on whatever material the part wears, so the colour it asks for is a wish: coffee shows on
linen, on black leather it dries to a lighter film.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from materials.color import FloatMap, to_lab, to_linear

#: CIE 1976 colour difference at which one colour is clearly seen on another.
CONTRAST = 28.0
#: What a light, dull surface fades to: old plastic, paint and cloth turn yellow and brown.
AGED = np.array([0.30, 0.21, 0.10])
#: Tint of a film of dried dirt, at luminance 1.
FILM = np.array([1.1, 0.99, 0.8])
#: A scratch lays open lighter material; on light surfaces it gathers dirt.
SCRAPED, DIRT = np.array([0.72, 0.69, 0.64]), np.array([0.03, 0.026, 0.022])


def mean_colour(image_file: Path) -> FloatMap:
    """(3,) mean linear RGB of an sRGB image."""
    with Image.open(image_file) as image:
        return np.asarray(to_linear(np.asarray(image.convert("RGB"))).reshape(-1, 3).mean(axis=0))


def pigment(effect: str, wish: FloatMap, surface: FloatMap) -> FloatMap:
    """(3,) what ``effect`` mixes into a surface; all colours (3,) linear RGB, ``surface`` its mean.

    faded, stained: ``wish``, where it shows; scratched: what shows there. Raises ValueError for another effect.
    """
    if effect == "faded":
        return wish if _shows(wish, surface) else max(wish, AGED, key=lambda colour: _difference(colour, surface))
    if effect == "stained":
        return wish if _shows(wish, surface) else _film(surface)
    if effect == "scratched":
        return max(SCRAPED, DIRT, key=lambda colour: _difference(colour, surface))
    raise ValueError(f"effect {effect!r}: this renderer draws faded, stained and scratched")


def _film(surface: FloatMap) -> FloatMap:
    """``FILM``, lighter than ``surface`` by ``CONTRAST`` in CIE lightness."""
    lightness = min(100.0, float(to_lab(surface)[0]) + CONTRAST)
    return FILM * ((lightness + 16) / 116) ** 3


def _shows(colour: FloatMap, surface: FloatMap) -> bool:
    return _difference(colour, surface) >= CONTRAST


def _difference(first: FloatMap, second: FloatMap) -> float:
    return float(np.linalg.norm(to_lab(first) - to_lab(second)))

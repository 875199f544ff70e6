"""Figures of patterned cloth, as functions of the place: drawn by jacquard looms, printers and embroiderers.

A figure repeats with period 1 in x and y. It is a tuple of layers, (n, n) in [0, 1], each to be painted over the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from materials.color import FloatMap
from materials.noise import smoothstep

Figure = Literal[
    "chevron",
    "circles",
    "damask",
    "diamonds",
    "dots",
    "floral",
    "kilim",
    "leaves",
    "petals",
    "scallops",
    "sprigs",
    "squares",
    "trellis",
    "waves",
]
Layers = tuple[FloatMap, ...]


def draw_figure(name: Figure, x: FloatMap, y: FloatMap) -> Layers:
    """Layers of the figure at (x, y), in repeats."""
    return _FIGURES[name](x, y)


def _inside(field: FloatMap) -> FloatMap:
    """1 where ``field`` is positive, with an edge as soft as threads make it."""
    return smoothstep(-0.012, 0.012, field)


def _wrap(x: FloatMap) -> FloatMap:
    """Nearest distance to a whole number, signed."""
    return (x + 0.5) % 1.0 - 0.5


def _half_drop(motif: Callable[[FloatMap, FloatMap], Layers], x: FloatMap, y: FloatMap) -> Layers:
    """A motif around (0, 0), and again half a repeat across and along."""
    first, second = motif(_wrap(x), _wrap(y)), motif(_wrap(x + 0.5), _wrap(y + 0.5))
    return tuple(np.maximum(a, b) for a, b in zip(first, second, strict=True))


def _leaf(x: FloatMap, y: FloatMap, angle: float, length: float, start: float = 0.0) -> FloatMap:
    """A lens from ``start`` to ``start + length`` from the origin at ``angle`` (degrees), with its midrib left out."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    t, side = (x * cos + y * sin - start) / length, np.abs(y * cos - x * sin) / length
    blade = 0.24 * np.sin(np.pi * np.clip(t, 0.0, 1.0) ** 0.8) - side
    return _inside(blade) * _inside(np.minimum(t, 1.0 - t)) * (1.0 - _inside(0.02 - side) * _inside(0.8 - t))


def _blossom(x: FloatMap, y: FloatMap, radius: float, petals: int) -> tuple[FloatMap, FloatMap]:
    """Two rows of petals, and the heart."""
    r, angle = np.hypot(x, y) / radius, np.arctan2(y, x)
    outer = 0.82 + 0.18 * np.abs(np.cos(petals * angle / 2))
    inner = 0.46 + 0.12 * np.abs(np.sin(petals * angle / 2))
    line = _inside(0.05 - np.abs(r - inner))
    return _inside(outer - r) * (1.0 - line), _inside(0.24 - r)


def _floral(x: FloatMap, y: FloatMap) -> Layers:
    def motif(x: FloatMap, y: FloatMap) -> Layers:
        blossom, heart = _blossom(x, y, 0.17, 6)
        leaves = np.max([_leaf(x, y, angle, 0.17, 0.175) for angle in (25, 70, 155, 200, 250, 335)], axis=0)
        return leaves, blossom, heart

    stem = _inside(0.010 - np.abs(_wrap(2 * x - 0.3 * np.sin(2 * np.pi * y)) / 2 - 0.13))
    leaves, *rest = _half_drop(motif, x, y)
    return (np.maximum(leaves, stem), *rest)


def _sprigs(x: FloatMap, y: FloatMap) -> Layers:
    def motif(x: FloatMap, y: FloatMap) -> Layers:
        blossom, heart = _blossom(x, y - 0.08, 0.1, 5)
        stem = _inside(0.008 - np.abs(x + 0.03 * np.sin(9 * y))) * _inside(0.13 - np.abs(y + 0.1))
        leaves = np.maximum(_leaf(x, y + 0.14, 40, 0.13, 0.01), _leaf(x, y + 0.17, 150, 0.12, 0.01))
        return np.maximum(stem, leaves), blossom, heart

    return _half_drop(motif, x, y)


def _damask(x: FloatMap, y: FloatMap) -> Layers:
    def motif(x: FloatMap, y: FloatMap) -> Layers:
        r, angle = np.hypot(1.25 * x, 0.85 * y), np.arctan2(x, y)
        palmette = 0.20 * (0.72 + 0.28 * np.abs(np.cos(4.5 * angle))) - r
        vein = _inside(0.014 - np.abs(r - 0.115)) + _inside(0.01 - np.abs(_wrap(angle / (np.pi / 4.5)) * r))
        tips = np.max([_leaf(x, y, a, 0.12, 0.215) for a in (65, 90, 115, 270)], axis=0)
        scrolls = np.max([_leaf(x, y, a, 0.15, 0.17) for a in (215, 325, 245, 295)], axis=0)
        body = _inside(palmette) * (1.0 - np.clip(vein * _inside(r - 0.05), 0.0, 1.0))
        return (np.max([body, tips, scrolls], axis=0),)

    ogee = np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y) + 0.4 * np.cos(2 * np.pi * x) * np.sin(2 * np.pi * y) ** 2
    frame = np.maximum(_inside(0.10 - np.abs(ogee)), _inside(0.035 - np.abs(np.abs(ogee) - 0.2)))
    (body,) = _half_drop(motif, x, y)
    return (np.maximum(frame, body),)


def _leaves(x: FloatMap, y: FloatMap) -> Layers:
    def sprig(x: FloatMap, y: FloatMap, mirror: int) -> FloatMap:
        blades = [
            _leaf(mirror * x, _wrap(y - shift), angle, 0.235)
            for shift, angle in ((0, 48), (0.25, 132), (0.5, 48), (0.75, 132))
        ]
        return np.maximum(np.max(blades, axis=0), _inside(0.010 - np.abs(x)))

    return sprig(_wrap(2 * x) / 2, y, 1), sprig(_wrap(2 * x + 0.5) / 2, y + 0.125, -1)


def _petals(x: FloatMap, y: FloatMap) -> Layers:
    """Four lenses around every crossing of a grid: overlapping circles."""
    lens = np.max([_leaf_between(x, y), _leaf_between(y, x)], axis=0)
    return lens, _inside(0.07 - np.hypot(_wrap(x + 0.5), _wrap(y + 0.5)))


def _leaf_between(x: FloatMap, y: FloatMap) -> FloatMap:
    return _inside(0.2 * np.abs(np.sin(np.pi * x)) ** 1.2 - np.abs(_wrap(y)) - 0.012)


def _circles(x: FloatMap, y: FloatMap) -> Layers:
    rings = [np.abs(np.hypot(_wrap(x + s), _wrap(y + s)) - 0.33) for s in (0.0, 0.5)]
    dots = np.minimum(np.hypot(_wrap(x), _wrap(y)), np.hypot(_wrap(x + 0.5), _wrap(y + 0.5)))
    return np.max([_inside(0.035 - ring) for ring in rings], axis=0), _inside(0.13 - dots)


def _scallops(x: FloatMap, y: FloatMap) -> Layers:
    """Rows of fans, each over the one behind it."""
    distance = np.zeros_like(x)
    for row in range(6, -3, -1):
        here = np.hypot(_wrap(x - 0.5 * (row % 2)), y % 1.0 - 0.25 * row)
        distance = np.where(here < 0.5, here, distance)
    return _inside(0.030 - np.abs(distance - 0.46)), _inside(0.06 - np.abs(distance - 0.29)), _inside(0.14 - distance)


def _trellis(x: FloatMap, y: FloatMap) -> Layers:
    bars = np.minimum(np.abs(_wrap(x + y)), np.abs(_wrap(x - y)))
    r, angle = np.hypot(_wrap(x + 0.5), _wrap(y)), np.arctan2(_wrap(y), _wrap(x + 0.5))
    other = np.hypot(_wrap(x), _wrap(y + 0.5)), np.arctan2(_wrap(y + 0.5), _wrap(x))
    stars = [_inside(0.09 + 0.05 * np.cos(4 * a) - d) for d, a in ((r, angle), other)]
    return _inside(0.055 - bars), np.max(stars, axis=0)


def _chevron(x: FloatMap, y: FloatMap) -> Layers:
    zigzag = (y + 0.5 * np.abs(_wrap(x))) % 1.0
    return _inside(0.25 - np.abs(zigzag - 0.5)), _inside(0.07 - np.abs(zigzag - 0.5))


def _diamonds(x: FloatMap, y: FloatMap) -> Layers:
    """Diamonds within diamonds, as ikat shows them."""
    distance = np.minimum(np.abs(_wrap(x)) + np.abs(_wrap(y)), np.abs(_wrap(x + 0.5)) + np.abs(_wrap(y + 0.5)))
    return _inside(0.40 - distance), _inside(0.27 - distance), _inside(0.13 - distance)


def _kilim(x: FloatMap, y: FloatMap) -> Layers:
    """Stepped diamonds between toothed bands."""
    steps = np.floor(np.abs(_wrap(x)) * 16 + 0.5) + np.floor(np.abs(_wrap(y)) * 16 + 0.5)
    teeth = _inside(0.055 + 0.04 * np.sign(_wrap(8 * x)) - np.abs(_wrap(y + 0.5)))
    return (*((steps < edge).astype(float) for edge in (6.5, 4.5, 1.5)), teeth)


def _squares(x: FloatMap, y: FloatMap) -> Layers:
    distance = np.maximum(np.abs(_wrap(x)), np.abs(_wrap(y)))
    return _inside(0.04 - np.abs(distance - 0.38)), _inside(0.2 - distance)


def _dots(x: FloatMap, y: FloatMap) -> Layers:
    return (_half_drop(lambda x, y: (_inside(0.16 - np.hypot(x, y)),), x, y)[0],)


def _waves(x: FloatMap, y: FloatMap) -> Layers:
    crest = (2 * y + 0.3 * np.sin(2 * np.pi * x)) % 1.0
    return _inside(0.22 - np.abs(crest - 0.5)), _inside(0.07 - np.abs(crest - 0.5))


_FIGURES: dict[Figure, Callable[[FloatMap, FloatMap], Layers]] = {
    "chevron": _chevron,
    "circles": _circles,
    "damask": _damask,
    "diamonds": _diamonds,
    "dots": _dots,
    "floral": _floral,
    "kilim": _kilim,
    "leaves": _leaves,
    "petals": _petals,
    "scallops": _scallops,
    "sprigs": _sprigs,
    "squares": _squares,
    "trellis": _trellis,
    "waves": _waves,
}

"""Interlaced threads, for woven fabric and for cane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from materials.color import FloatMap
from materials.noise import Canvas, fractal
from pipeline.errors import PipelineError

Draft = Literal["plain", "rib", "basket", "hopsack", "twill", "herringbone", "diamond", "crepe", "satin"]

#: Edge of the smallest square that repeats, in threads.
PERIOD: dict[Draft, int] = {
    "plain": 2,
    "rib": 4,
    "basket": 4,
    "hopsack": 8,
    "twill": 4,
    "herringbone": 16,
    "diamond": 16,
    "crepe": 8,
    "satin": 5,
}
#: No direction stands out and no float is longer than three: the look of crepe.
_CREPE = ("10110010", "01011001", "11001010", "00110101", "10100110", "01101001", "10010101", "01001110")


@dataclass(frozen=True)
class Weave:
    """height: (n, n) in [0, 1], 0 in the gaps; warp, weft: which thread (warp runs along v, weft along u);
    offset: from the axis of the upper thread, in [-0.5, 0.5] thread widths."""

    height: FloatMap
    offset: FloatMap
    warp_on_top: NDArray[np.bool_]
    warp: NDArray[np.int64]
    weft: NDArray[np.int64]


def draft(name: Draft) -> NDArray[np.bool_]:
    """(p, p) bool [weft, warp]: does the warp pass over the weft there?"""
    period = PERIOD[name]
    weft, warp = np.indices((period, period))
    if name == "plain":
        return (weft + warp) % 2 == 0
    if name == "rib":
        return (weft // 2 + warp) % 2 == 0
    if name in ("basket", "hopsack"):
        return (2 * weft // period + 2 * warp // period) % 2 == 0
    if name == "crepe":
        return np.array([[mark == "1" for mark in row] for row in _CREPE])
    if name == "satin":
        return (warp * 2 - weft) % 5 != 0
    if name == "twill":
        return (warp - weft) % 4 < 2
    turned = np.minimum(warp, 15 - warp)
    return (turned - (weft if name == "herringbone" else np.minimum(weft, 15 - weft))) % 4 < 2


def interlace(canvas: Canvas, name: Draft, threads: int, wobble: float) -> Weave:
    """``threads`` warp and as many weft threads a tile; ``wobble``: how far threads stray, in thread widths.

    Raises PipelineError unless the draft's period divides ``threads``: the tile would have a seam.
    """
    if threads % PERIOD[name]:
        raise PipelineError(f"{threads} threads of {name!r} leave a seam; use a multiple of {PERIOD[name]}")
    stray = [wobble * fractal(canvas, low=2, high=40, falloff=0.7, stretch=s) for s in ((1, 4), (4, 1))]
    across, along = canvas.u * threads + stray[0], canvas.v * threads + stray[1]
    warp, weft = np.floor(across).astype(int) % threads, np.floor(along).astype(int) % threads
    x, y = across % 1.0 - 0.5, along % 1.0 - 0.5
    over = np.tile(draft(name), (threads // PERIOD[name],) * 2)
    # A thread climbs half-way to its neighbour's level at the border between two crossings.
    warp_level = _level(over[weft, warp], over[(weft + np.sign(y).astype(int)) % threads, warp], y)
    weft_level = _level(~over[weft, warp], ~over[weft, (warp + np.sign(x).astype(int)) % threads], x)
    warp_height = profile(x) * (0.35 + 0.65 * warp_level)
    weft_height = profile(y) * (0.35 + 0.65 * weft_level)
    on_top = warp_height >= weft_height
    return Weave(np.maximum(warp_height, weft_height), np.where(on_top, x, y), on_top, warp, weft)


def profile(offset: FloatMap) -> FloatMap:
    """Half-round cross-section, in [0, 1], of a thread or rib at ``offset`` in [-0.5, 0.5] from its axis."""
    return np.sqrt(np.clip(1.0 - (2.0 * offset) ** 2, 0.0, 1.0))


def _level(here: NDArray[np.bool_], beyond: NDArray[np.bool_], offset: FloatMap) -> FloatMap:
    """1 on top, 0 below, along a thread: ``here`` at the crossing's centre, on its way to ``beyond`` at the border."""
    share = 0.5 * (1.0 - np.cos(np.pi * np.abs(offset)))
    return here * (1.0 - share) + beyond * share

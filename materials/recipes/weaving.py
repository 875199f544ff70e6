"""Interlaced threads, for woven fabric and for cane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from materials.color import FloatMap
from materials.noise import Canvas, fractal
from pipeline.errors import PipelineError

Draft = Literal["plain", "basket", "twill", "herringbone", "satin"]

#: Edge of the smallest square that repeats, in threads.
PERIOD: dict[Draft, int] = {"plain": 2, "basket": 4, "twill": 4, "herringbone": 16, "satin": 5}


@dataclass(frozen=True)
class Weave:
    """height: (n, n) in [0, 1], 0 in the gaps; warp, weft: which thread (warp runs along v, weft along u)."""

    height: FloatMap
    warp_on_top: NDArray[np.bool_]
    warp: NDArray[np.int64]
    weft: NDArray[np.int64]


def draft(name: Draft) -> NDArray[np.bool_]:
    """(p, p) bool [weft, warp]: does the warp pass over the weft there?"""
    period = PERIOD[name]
    weft, warp = np.indices((period, period))
    if name == "plain":
        return (weft + warp) % 2 == 0
    if name == "basket":
        return (weft // 2 + warp // 2) % 2 == 0
    if name == "satin":
        return (warp * 2 - weft) % 5 != 0
    rising = warp if name == "twill" else np.where(warp < 8, warp, 15 - warp)
    return (rising - weft) % 4 < 2


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
    warp_height = _round(x) * (0.35 + 0.65 * warp_level)
    weft_height = _round(y) * (0.35 + 0.65 * weft_level)
    return Weave(np.maximum(warp_height, weft_height), warp_height >= weft_height, warp, weft)


def _round(offset: FloatMap) -> FloatMap:
    """Cross-section of a thread at ``offset`` in [-0.5, 0.5] from its axis."""
    return np.sqrt(np.clip(1.0 - (2.0 * offset) ** 2, 0.0, 1.0))


def _level(here: NDArray[np.bool_], beyond: NDArray[np.bool_], offset: FloatMap) -> FloatMap:
    """1 on top, 0 below, along a thread: ``here`` at the crossing's centre, on its way to ``beyond`` at the border."""
    share = 0.5 * (1.0 - np.cos(np.pi * np.abs(offset)))
    return here * (1.0 - share) + beyond * share

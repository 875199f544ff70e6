"""Woven fabric: cloth of every draft and colour order, chenille, and seats of cord."""

from __future__ import annotations

import numpy as np

from materials.color import FloatMap, linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Count, Counts, Hex, Palette, Share
from materials.recipes.fabric.cloth import along, cloth, uneven
from materials.recipes.weaving import Draft, interlace, profile

__all__ = ["chenille", "corded", "woven"]


def woven(
    canvas: Canvas,
    *,
    draft: Draft,
    threads: Count,
    warp: Palette,
    weft: Palette | None = None,
    sett: Counts = (1,),
    repeats: Count = 1,
    irregular: Share = 0.3,
    melange: Share = 0.0,
    slubs: Share = 0.0,
    flecks: Palette | None = None,
    roughness: Share = 0.88,
) -> SVBRDF:
    """Cloth of ``threads`` by ``threads`` threads a tile.

    ``warp``/``weft``: stripes of colour (the weft's are the warp's unless given), as wide as ``sett`` says in
    proportion, over and over; the sequence comes ``repeats`` times a tile, so that two sequences make a check.
    ``irregular``: tone differences between threads; ``melange``: along a thread; ``slubs``: thick places;
    ``flecks``: colours of neps spun into the weft.
    """
    weave = interlace(canvas, draft, threads, wobble=0.3 * irregular)
    colors = [_colors(colors, sett, threads, repeats) for colors in (warp, weft or warp)]
    yarns = [_spun(canvas.draw, color, irregular, melange) for color in colors]
    if flecks:
        yarns[1] = _flecked(canvas.draw, yarns[1], flecks)
    slub = [slubs * np.maximum(canvas.draw.standard_normal((threads, 12)) - 1.0, 0.0) for _ in yarns]
    over = weave.warp_on_top
    color = np.where(over[..., None], along(yarns[0], weave.warp, canvas.v), along(yarns[1], weave.weft, canvas.u))
    thick = np.where(over, along(slub[0], weave.warp, canvas.v), along(slub[1], weave.weft, canvas.u))
    fuzz = fractal(canvas, low=16, falloff=0.2)
    shading = (0.4 + 0.6 * smoothstep(0.0, 0.8, weave.height + 0.5 * thick)) * (1.0 + 0.22 * thick)
    height = 0.45 / threads * weave.height * (1.0 + 0.6 * thick) + 0.0004 * fuzz
    return cloth(canvas, color, shading, fuzz, height, roughness)


def chenille(
    canvas: Canvas, *, color: Palette, shade: Hex, rows: Count = 36, broken: Share = 0.5, depth: Share = 0.6
) -> SVBRDF:
    """Yarn of cut pile in rows along u, each of one of the colours; ``broken``: tone changes along it."""
    stray = 0.12 * fractal(canvas, low=2, high=60, falloff=0.8, stretch=(3, 1))
    across = canvas.v * rows + stray
    row = np.floor(across).astype(int) % rows
    yarn = np.array([linear(c) for c in color])[np.arange(rows) % len(color)]
    tone = np.exp(0.35 * broken * uneven(canvas.draw, rows, 4 * (rows // 2)))
    pile = fractal(canvas, low=24, falloff=0.1, stretch=(1, 2))
    tufts = fractal(canvas, low=8, high=90, falloff=0.4, stretch=(2, 1))
    body = profile(across % 1.0 - 0.5) * (1.0 - 0.15 * depth * smoothstep(0.0, 2.0, tufts))
    lit = np.clip(smoothstep(0.0, 0.9, body) + 0.1 * broken * tufts, 0.0, 1.0)
    surface = mix(linear(shade), yarn[row] * along(tone, row, canvas.u)[..., None], 1.0 - depth * (1.0 - lit))
    return cloth(canvas, surface, 1.0 + 0.05 * broken * tufts, pile, 0.3 / rows * body + 0.0005 * pile, 0.85)


def corded(
    canvas: Canvas,
    *,
    draft: Draft,
    cords: Count,
    color: Palette,
    shade: Hex,
    irregular: Share = 0.3,
    twist: Share = 0.5,
    roughness: Share = 0.7,
) -> SVBRDF:
    """Paper cord, rope, seagrass: twisted cords, ``cords`` across a tile each way, ``shade`` in the gaps."""
    weave = interlace(canvas, draft, cords, wobble=0.25 * irregular)
    palette = np.array([linear(c) for c in color])[canvas.draw.integers(len(color), size=(2, cords))]
    warp, weft = (_spun(canvas.draw, cord, irregular, 0.6 * irregular) for cord in palette)
    over = weave.warp_on_top
    cord = np.where(over[..., None], along(warp, weave.warp, canvas.v), along(weft, weave.weft, canvas.u))
    plies = np.sin(2 * np.pi * (np.where(over, canvas.v, canvas.u) * 2 * cords + 1.2 * weave.offset))
    fuzz = fractal(canvas, low=16, falloff=0.2)
    surface = mix(linear(shade), cord, smoothstep(0.1, 0.95, weave.height))
    height = 0.34 / cords * (weave.height + 0.08 * twist * plies) + 0.0003 * fuzz
    return cloth(canvas, surface, 1.0 + 0.16 * twist * plies, fuzz, height, roughness)


def _colors(colors: Palette, sett: Counts, threads: int, repeats: int) -> FloatMap:
    """(threads, 3) linear colours of a sequence that comes ``repeats`` times."""
    ends = np.cumsum(np.resize(sett, len(colors)))
    place = np.arange(threads) * repeats % threads * ends[-1]
    return np.array([linear(c) for c in colors])[np.searchsorted(ends * threads, place, side="right")]


def _spun(draw: np.random.Generator, colors: FloatMap, irregular: float, melange: float) -> FloatMap:
    """(threads, segments, 3) of (threads, 3) colours: each thread with a tone of its own, which varies along it."""
    threads = len(colors)
    tone = draw.normal(1.0, 0.25 * irregular, threads).clip(0.5, 1.6)
    spun = np.exp(0.6 * melange * uneven(draw, threads, 4 * max(threads // 8, 2)).clip(-2.0, 2.0))
    return (colors * tone[:, None])[:, None] * spun[..., None]


def _flecked(draw: np.random.Generator, yarns: FloatMap, flecks: Palette) -> FloatMap:
    """(threads, segments, 3) ``yarns`` with every ninth segment or so in one of the colours ``flecks``."""
    palette = np.array([linear(c) for c in flecks])[draw.integers(len(flecks), size=yarns.shape[:2])]
    return np.where(draw.random(yarns.shape[:2])[..., None] < 0.11, palette, yarns)

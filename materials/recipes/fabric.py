"""Fabric: woven cloth, rib, knit, velvet, boucle, felt. Height is baked into the colour as occlusion."""

from __future__ import annotations

import numpy as np

from materials.color import FloatMap, linear, mix
from materials.maps import Surface
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.weaving import Draft, interlace

__all__ = ["boucle", "corduroy", "felt", "knit", "velvet", "woven"]


def woven(
    canvas: Canvas,
    *,
    draft: Draft,
    threads: Count,
    warp: Palette,
    weft: Palette,
    repeats: Count = 1,
    irregular: Share = 0.3,
) -> Surface:
    """Cloth of ``threads`` by ``threads`` threads a tile.

    ``warp``/``weft``: stripes of colour, the sequence repeated ``repeats`` times a tile, so that two
    sequences make a check; ``irregular`` in [0, 1]: slubs and tone differences between threads.
    """
    weave = interlace(canvas, draft, threads, wobble=0.3 * irregular)
    warp_color = _stripes(canvas, warp, threads, repeats, irregular)[weave.warp]
    weft_color = _stripes(canvas, weft, threads, repeats, irregular)[weave.weft]
    color = np.where(weave.warp_on_top[..., None], warp_color, weft_color)
    fuzz = fractal(canvas, low=16, falloff=0.2)
    height = 0.45 / threads * weave.height + 0.0004 * fuzz
    return _cloth(canvas, color, 0.4 + 0.6 * smoothstep(0.0, 0.8, weave.height), fuzz, height)


def corduroy(canvas: Canvas, *, color: Hex, wales: Count = 20) -> Surface:
    """Rounded ribs of cut pile along v."""
    stray = 0.03 * fractal(canvas, low=1, high=30, falloff=0.8, stretch=(1, 5))
    offset = (canvas.u * wales + stray) % 1.0 - 0.5
    rib = np.sqrt(np.clip(1.0 - (2.0 * offset) ** 2, 0.0, 1.0))
    pile = fractal(canvas, low=20, falloff=0.1, stretch=(2, 1))
    shading = (0.30 + 0.70 * smoothstep(0.05, 0.95, rib)) * (1 + 0.06 * fractal(canvas, high=8))
    return _cloth(canvas, _plain(canvas, color), shading, pile, 0.30 / wales * rib + 0.0005 * pile)


def knit(canvas: Canvas, *, color: Hex, melange: Hex, columns: Count = 20) -> Surface:
    """Stocking stitch: columns of V-shaped loops, as many rows as columns; ``melange`` flecks the yarn."""
    stray = 0.06 * fractal(canvas, low=1, high=20, falloff=0.8)
    side = (canvas.u * columns + stray) % 1.0
    arm = np.abs(side - 0.5)  # both legs of the V meet at 0
    row = (canvas.v * columns - 1.5 * arm + stray) % 1.0 - 0.5
    strand = np.clip(1.0 - (2.0 * row) ** 2, 0.0, 1.0) * np.clip(1.0 - (4.0 * arm - 1.0) ** 2, 0.0, 1.0)
    height = strand**0.7
    twist = np.sin(2 * np.pi * (3.0 * row + 2.0 * arm))
    flecks = smoothstep(0.5, 1.6, fractal(canvas, low=10, falloff=0.2, stretch=(1, 2)))
    yarn = mix(linear(color), linear(melange), flecks)
    fuzz = fractal(canvas, low=16, falloff=0.2)
    shading = (0.30 + 0.70 * smoothstep(0.0, 0.8, height)) * (1 + 0.05 * twist)
    return _cloth(canvas, yarn, shading, fuzz, 0.28 / columns * height + 0.0006 * twist * height)


def velvet(canvas: Canvas, *, color: Hex, crush: Share = 0.4) -> Surface:
    """Short dense pile: lighter and darker where it was brushed the other way; ``crush`` in [0, 1]."""
    drift = fractal(canvas, low=1, high=40, falloff=1.7, stretch=(1, 1.5))
    brushed = 0.5 + 0.5 * np.tanh(drift)
    pile = fractal(canvas, low=40, falloff=0.0)
    shading = 1.0 + crush * 0.8 * (brushed - 0.5)
    surface = _cloth(canvas, _plain(canvas, color), shading, pile, 0.004 * crush * drift + 0.0003 * pile)
    return Surface(surface.color, surface.roughness - 0.25 * crush * brushed, surface.height, surface.metallic)


def boucle(canvas: Canvas, *, color: Hex, shade: Hex, loops: Count = 24) -> Surface:
    """Curled loops of yarn of uneven size, ``loops`` across a tile."""
    bend = 0.15 / loops
    u, v = (x + bend * fractal(canvas, low=4, high=2 * loops, falloff=0.8) for x in (canvas.u, canvas.v))
    cells = worley(canvas.draw, u, v, loops)
    dome = np.clip(1.0 - 1.2 * cells.nearest**2, 0.0, 1.0)
    curl = np.sin(12.0 * cells.nearest + canvas.draw.uniform(0, 2 * np.pi, loops**2)[cells.index])
    tone = canvas.draw.normal(1.0, 0.07, loops**2)[cells.index]
    fuzz = fractal(canvas, low=16, falloff=0.2)
    yarn = mix(linear(shade), linear(color), smoothstep(0.0, 0.9, dome)) * tone[..., None]
    return _cloth(canvas, yarn, 0.65 + 0.35 * dome + 0.06 * curl, fuzz, (0.30 * dome + 0.02 * curl) / loops)


def felt(canvas: Canvas, *, color: Hex, melange: Hex, share: Share = 0.35) -> Surface:
    """Matted wool: short fibres in every direction, a ``share`` of them of the second colour."""
    fibres = [fractal(canvas, low=12, falloff=0.3, stretch=s) for s in ((1, 8), (8, 1), (2, 3))]
    mat = (fibres[0] + fibres[1] + fibres[2]) / np.sqrt(3)
    second = fractal(canvas, low=6, high=70, falloff=0.5) + 0.3 * mat
    chosen = smoothstep(-1.8, 1.8, second + 2.5 * (share - 0.5))
    return _cloth(canvas, mix(linear(color), linear(melange), chosen), 1.0 + 0.08 * mat, mat, 0.0009 * mat)


def _plain(canvas: Canvas, color: Hex) -> FloatMap:
    return np.broadcast_to(linear(color), (canvas.size, canvas.size, 3))


def _stripes(canvas: Canvas, colors: Palette, threads: int, repeats: int, irregular: float) -> FloatMap:
    """(threads, 3) linear colours: the sequence ``repeats`` times, every thread with a tone of its own."""
    palette = np.array([linear(c) for c in colors])
    place = np.arange(threads) * repeats * len(colors) // threads % len(colors)
    return palette[place] * canvas.draw.normal(1.0, 0.25 * irregular, threads).clip(0.5, 1.6)[:, None]


def _cloth(canvas: Canvas, color: FloatMap, shading: FloatMap, fuzz: FloatMap, height: FloatMap) -> Surface:
    """Diffuse cloth: ``shading`` (occlusion between threads) and ``fuzz`` (unit noise of fibres) on the colour."""
    wear = fractal(canvas, low=1, high=8, falloff=1.0)
    tone = shading * (1.0 + 0.06 * fuzz + 0.035 * wear)
    return Surface(color * tone[..., None], np.clip(0.88 + 0.03 * fuzz, 0.7, 1.0), height, canvas.constant(0.0))

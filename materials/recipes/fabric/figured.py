"""Fabric with a figure: jacquard, print, ikat, embroidery; and quilting."""

from __future__ import annotations

from typing import Literal

import numpy as np

from materials.color import FloatMap, linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.fabric.cloth import along, cloth, plain, uneven
from materials.recipes.fabric.figures import Figure, draw_figure
from materials.recipes.weaving import interlace

__all__ = ["jacquard", "printed", "quilted"]

Quilting = Literal["channels", "diamonds", "squares"]


def jacquard(
    canvas: Canvas,
    *,
    figure: Figure,
    ground: Hex,
    inks: Palette,
    repeats: Count = 4,
    gloss: Share = 0.4,
    relief: Share = 0.3,
) -> SVBRDF:
    """Figures by weave: weft floats (along u) in the colours ``inks``, one a layer, on a ground of warp floats.

    ``gloss``: how much smoother the figure is than the ground; ``relief``: how far it stands out, as embroidery does.
    """
    layers = draw_figure(figure, canvas.u * repeats, canvas.v * repeats)[: len(inks)]
    warp, weft = (fractal(canvas, low=60, falloff=0.0, stretch=s) for s in ((1, 4), (4, 1)))
    drawn = np.max(layers, axis=0)
    floats = warp + (weft - warp) * drawn
    color = _painted(plain(canvas, ground), layers, inks)
    height = (0.0006 + 0.0006 * relief) * floats + 0.006 * relief * drawn
    surface = cloth(canvas, color, 1.0 + (0.05 + 0.05 * relief) * floats, floats, height)
    roughness = surface.roughness - 0.4 * gloss * drawn
    return SVBRDF(surface.color, roughness, surface.height, surface.metallic)


def printed(
    canvas: Canvas,
    *,
    figure: Figure,
    ground: Hex,
    inks: Palette,
    repeats: Count = 4,
    threads: Count = 60,
    bleed: Share = 0.0,
    faded: Share = 0.2,
) -> SVBRDF:
    """Plain cloth with a figure in the colours ``inks``, one a layer.

    ``bleed``: how far the warp was shifted after it was dyed, as in ikat; ``faded``: how unevenly the dye took.
    """
    weave = interlace(canvas, "plain", threads, wobble=0.1)
    shifts = bleed * 0.12 * along(uneven(canvas.draw, threads, 8), weave.warp, canvas.v)
    layers = draw_figure(figure, canvas.u * repeats, canvas.v * repeats + shifts)[: len(inks)]
    dye = np.clip(1.0 - 0.5 * faded * (1.0 + 0.6 * fractal(canvas, low=3, high=100, falloff=0.6)), 0.0, 1.0)
    color = _painted(plain(canvas, ground), tuple(layer * dye for layer in layers), inks)
    fuzz = fractal(canvas, low=16, falloff=0.2)
    shading = 0.6 + 0.4 * smoothstep(0.0, 0.8, weave.height)
    return cloth(canvas, color, shading, fuzz, 0.35 / threads * weave.height + 0.0003 * fuzz)


def quilted(
    canvas: Canvas,
    *,
    color: Hex,
    pattern: Quilting,
    cells: Count = 4,
    puff: Share = 0.5,
    thread: Hex | None = None,
    roughness: Share = 0.85,
) -> SVBRDF:
    """Cloth stitched down onto wadding: ``cells`` cushions a tile, seams between them sewn with ``thread``."""
    x, y = canvas.u * cells, canvas.v * cells
    seams = {
        "channels": (_seam(x),),
        "diamonds": (_seam(x + y), _seam(x - y)),
        "squares": (_seam(x), _seam(y)),
    }[pattern]
    cushion = np.prod([1.0 - (1.0 - 2.0 * seam) ** 2 for seam in seams], axis=0)
    nearest = np.min(seams, axis=0)
    tucks = fractal(canvas, low=4, high=60, falloff=0.8) * smoothstep(0.35, 0.02, nearest)
    fuzz = fractal(canvas, low=30, falloff=0.0)
    weave = fractal(canvas, low=16, falloff=0.4)
    stitch = smoothstep(0.03, 0.012, nearest) * (np.sin(2 * np.pi * 12 * (x + 0.5 * y)) > -0.4)
    base = mix(plain(canvas, color), linear(thread), stitch) if thread else plain(canvas, color)
    shading = 0.55 + 0.45 * smoothstep(0.0, 0.5, cushion) + 0.03 * tucks + 0.03 * weave
    height = 0.2 * puff / cells * cushion + 0.0012 * puff * tucks + 0.0003 * fuzz
    return cloth(canvas, base, shading, fuzz, height, roughness)


def _painted(color: FloatMap, layers: tuple[FloatMap, ...], inks: Palette) -> FloatMap:
    for layer, ink in zip(layers, inks, strict=True):
        color = mix(color, linear(ink), layer)
    return color


def _seam(x: FloatMap) -> FloatMap:
    """Distance to the nearest whole number."""
    return np.abs(x - np.round(x))

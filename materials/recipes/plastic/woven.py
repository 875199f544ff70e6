"""Plastic strands: synthetic wicker, wound cord, sling mesh, carbon fibre in resin."""

from __future__ import annotations

import numpy as np

from materials.color import linear
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.weaving import Draft, interlace

__all__ = ["carbon", "pvc_cord", "sling", "wicker"]


def wicker(
    canvas: Canvas, *, colors: Palette, draft: Draft = "plain", strands: Count = 32, roughness: Share = 0.5
) -> SVBRDF:
    """Flat extruded strands, ``strands`` each way a tile, with streaks along them and gaps that lie in shadow."""
    weave = interlace(canvas, draft, strands, wobble=0.06)
    palette = np.array([linear(c) for c in colors])
    warp_color = palette[canvas.draw.integers(len(palette), size=strands)]
    weft_color = palette[canvas.draw.integers(len(palette), size=strands)]
    along_v, along_u = (fractal(canvas, low=20, falloff=0.2, stretch=s) for s in ((1, 25), (25, 1)))
    streak = np.where(weave.warp_on_top, along_v, along_u)
    color = np.where(weave.warp_on_top[..., None], warp_color[weave.warp], weft_color[weave.weft])
    flat = np.tanh(2.2 * weave.height) / np.tanh(2.2)
    weather = fractal(canvas, low=1, high=8, falloff=0.8)
    tone = (0.22 + 0.8 * flat) * (1.0 + 0.10 * streak + 0.05 * weather)
    gloss = roughness + 0.2 * (1.0 - flat) + 0.03 * streak
    return SVBRDF(color * tone[..., None], gloss, 0.35 / strands * flat, canvas.constant(0.0))


def pvc_cord(
    canvas: Canvas, *, colors: Palette, cords: Count = 40, gap: Share = 0.15, braid: Share = 0.0, roughness: Share = 0.3
) -> SVBRDF:
    """Round cords side by side along v, ``cords`` a tile with a ``gap`` between; ``braid`` twists their skin."""
    stray = 0.03 * fractal(canvas, low=2, high=24, falloff=0.9, stretch=(1, 3))
    across = canvas.u * cords + stray
    number = np.floor(across).astype(int) % cords
    x = (across % 1.0 - 0.5) * 2.0 / (1.0 - gap)
    dome = np.sqrt(np.clip(1.0 - x**2, 0.0, 1.0))
    twist = np.cos(2.0 * np.pi * (canvas.v * 60 + 0.5 * x + canvas.draw.uniform(0, 1, cords)[number])) * dome
    palette = np.array([linear(c) for c in colors])
    color = palette[canvas.draw.integers(len(palette), size=cords)][number]
    cast = canvas.draw.normal(0.0, 0.04, cords)[number]
    weather = fractal(canvas, low=1, high=12, falloff=0.8)
    tone = (0.12 + 0.9 * dome) * (1.0 + cast + 0.04 * weather + 0.12 * braid * twist)
    gloss = roughness + 0.3 * (1.0 - dome) + 0.03 * weather
    return SVBRDF(color * tone[..., None], gloss, (0.2 * dome + 0.03 * braid * twist) / cords, canvas.constant(0.0))


def sling(
    canvas: Canvas,
    *,
    warp: Palette,
    weft: Palette,
    draft: Draft = "basket",
    threads: Count = 64,
    roughness: Share = 0.5,
) -> SVBRDF:
    """Mesh of PVC-coated polyester, as on garden chairs: even, plump, shiny threads around open holes."""
    weave = interlace(canvas, draft, threads, wobble=0.05)
    warp_color, weft_color = (
        np.array([linear(c) for c in colors])[canvas.draw.integers(len(colors), size=threads)]
        for colors in (warp, weft)
    )
    color = np.where(weave.warp_on_top[..., None], warp_color[weave.warp], weft_color[weave.weft])
    sag = fractal(canvas, low=1, high=10, falloff=0.8)
    tone = (0.25 + 0.8 * weave.height) * (1.0 + 0.05 * sag)
    gloss = roughness + 0.2 * (1.0 - weave.height) + 0.02 * sag
    return SVBRDF(color * tone[..., None], gloss, 0.22 / threads * weave.height, canvas.constant(0.0))


def carbon(
    canvas: Canvas, *, color: Hex, glint: Hex, draft: Draft = "twill", tows: Count = 64, roughness: Share = 0.3
) -> SVBRDF:
    """Carbon cloth in resin: tows that catch the light when they run along v, under a nearly level surface."""
    weave = interlace(canvas, draft, tows, wobble=0.03)
    along_v, along_u = (fractal(canvas, low=30, falloff=0.0, stretch=s) for s in ((1, 30), (30, 1)))
    filament = np.where(weave.warp_on_top, along_v, along_u)
    wave = fractal(canvas, low=1, high=10, falloff=0.9)
    base = np.where(weave.warp_on_top[..., None], linear(glint), linear(color))
    tone = (0.5 + 0.5 * weave.height) * (1.0 + 0.12 * filament + 0.10 * wave)
    gloss = roughness + 0.05 * filament - 0.05 * weave.warp_on_top
    return SVBRDF(base * tone[..., None], gloss, 0.06 / tows * weave.height, canvas.constant(0.0))

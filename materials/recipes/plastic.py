"""Plastic: moulded smooth, moulded with a spark-eroded texture, recycled with flakes."""

from __future__ import annotations

import numpy as np

from materials.color import linear
from materials.maps import Surface
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Palette, Share

__all__ = ["flaked", "moulded", "textured"]


def moulded(canvas: Canvas, *, color: Hex, roughness: Share = 0.2) -> Surface:
    """Smooth injection moulding with sink marks too shallow to see but for the highlight, and fine scuffs."""
    sink = fractal(canvas, low=1, high=8, falloff=1.5)
    scuffs = smoothstep(1.9, 2.7, fractal(canvas, low=20, falloff=0.1, stretch=(1, 8)))
    tone = 1.0 + 0.02 * sink + 0.05 * scuffs
    return Surface(linear(color) * tone[..., None], roughness + 0.15 * scuffs, 0.0012 * sink, canvas.constant(0.0))


def textured(canvas: Canvas, *, color: Hex, grain: Count = 40, roughness: Share = 0.6) -> Surface:
    """Matt pebble texture of a spark-eroded mould, ``grain`` bumps across a tile."""
    bumps = fractal(canvas, low=grain * 0.6, high=grain * 1.6, falloff=0.2)
    tone = 1.0 + 0.08 * np.tanh(bumps) + 0.03 * fractal(canvas, low=1, high=6)
    height = 0.10 / grain * np.tanh(bumps)
    return Surface(linear(color) * tone[..., None], roughness - 0.05 * np.tanh(bumps), height, canvas.constant(0.0))


def flaked(canvas: Canvas, *, color: Hex, flakes: Palette, share: Share = 0.3, roughness: Share = 0.4) -> Surface:
    """Recycled plastic pressed from shreds: flakes of other colours in a ground, on a ``share`` of the surface."""
    u, v = (x + 0.004 * fractal(canvas, low=4, high=60, falloff=0.8) for x in (canvas.u, canvas.v))
    count = 26
    cells = worley(canvas.draw, u, v, count)
    palette = np.array([linear(color), *(linear(c) for c in flakes)])
    chance = [1.0 - share, *(share / len(flakes) for _ in flakes)]
    chosen = canvas.draw.choice(len(palette), size=count**2, p=chance)
    tone = canvas.draw.normal(1.0, 0.05, count**2)[cells.index]
    sink = fractal(canvas, low=2, high=30, falloff=1.0)
    color_map = palette[chosen][cells.index] * tone[..., None]
    return Surface(color_map, roughness + 0.03 * sink, 0.0008 * sink, canvas.constant(0.0))

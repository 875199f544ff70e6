"""Cores: what shows where a part is broken."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import Surface
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share

__all__ = ["foam", "raw_wood"]


def foam(canvas: Canvas, *, color: Hex, pores: Count = 60) -> Surface:
    """Torn upholstery foam: open pores, ``pores`` across a tile, on a lumpy surface."""
    cells = worley(canvas.draw, canvas.u, canvas.v, pores)
    pore = smoothstep(0.45, 0.1, cells.nearest)
    lumps = fractal(canvas, low=2, high=40, falloff=1.2)
    tone = (1.0 - 0.45 * pore) * (1.0 + 0.06 * lumps)
    height = 0.012 * lumps - 0.3 / pores * pore
    return Surface(linear(color) * tone[..., None], canvas.constant(0.95), height, canvas.constant(0.0))


def raw_wood(canvas: Canvas, *, light: Hex, dark: Hex, splinters: Share = 0.6) -> Surface:
    """Torn wood as a broken leg shows it: long fibres pulled apart, ``splinters`` standing out, no finish."""
    fibre = fractal(canvas, low=8, falloff=0.5, stretch=(1, 9))
    bundle = fractal(canvas, low=6, high=60, falloff=0.7, stretch=(1, 6))
    lumps = fractal(canvas, low=2, high=14, falloff=1.0, stretch=(1, 3))
    # Splinters are the ridges between two torn bundles, their shadows the clefts beside them.
    ridge = 1.0 - np.minimum(np.abs(bundle + 0.35 * fibre), 1.0)
    cleft = splinters * smoothstep(0.6, 1.6, fractal(canvas, low=10, high=100, falloff=0.4, stretch=(1, 11)))
    share = np.clip(0.45 + 0.16 * fibre + 0.1 * lumps - 0.35 * ridge, 0.0, 1.0)
    tone = (1.0 + 0.05 * fibre) * (1.0 - 0.5 * cleft)
    height = 0.002 * fibre + splinters * (0.005 * ridge**2 - 0.006 * cleft) + 0.006 * lumps
    gloss = 0.9 + 0.015 * fibre
    return Surface(mix(linear(light), linear(dark), share) * tone[..., None], gloss, height, canvas.constant(0.0))

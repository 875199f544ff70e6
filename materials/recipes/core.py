"""Cores: what shows where a part is broken."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share

__all__ = ["foam", "raw_wood", "torn_metal"]


def foam(canvas: Canvas, *, color: Hex, pores: Count = 90) -> SVBRDF:
    """Torn upholstery foam: a softly lumped surface full of open pores of all sizes, ``pores`` across a tile."""
    cells = worley(canvas.draw, canvas.u, canvas.v, pores)
    size = canvas.draw.uniform(0.3, 1.2, pores**2)[cells.index]
    pore = smoothstep(0.50, 0.15, cells.nearest / size)
    lumps = fractal(canvas, low=3, high=40, falloff=1.6)
    # What lies deeper in the tear gets less light.
    tone = (1.0 - 0.35 * pore) * (1.0 + 0.05 * np.tanh(lumps))
    height = 0.008 * lumps - 0.12 / pores * pore
    return SVBRDF(linear(color) * tone[..., None], canvas.constant(0.95), height, canvas.constant(0.0))


def torn_metal(canvas: Canvas, *, color: Hex, fibre: Share = 0.5, roughness: Share = 0.58) -> SVBRDF:
    """Fresh break: dull grains and ridges torn along v, as far as the metal is tough (``fibre`` in [0, 1])."""
    grain = fractal(canvas, low=24, falloff=0.3)
    torn = fractal(canvas, low=5, falloff=0.8, stretch=(1, 1 + 5 * fibre))
    pits = smoothstep(1.2, 2.4, fractal(canvas, low=12, high=80, falloff=0.4))
    tone = 0.95 + 0.10 * grain + 0.12 * torn - 0.40 * pits
    height = 0.0002 * grain + 0.0022 * torn - 0.0016 * pits
    return SVBRDF(linear(color) * tone[..., None], roughness + 0.03 * grain + 0.1 * pits, height, canvas.constant(1.0))


def raw_wood(canvas: Canvas, *, light: Hex, dark: Hex, splinters: Share = 0.6) -> SVBRDF:
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
    return SVBRDF(mix(linear(light), linear(dark), share) * tone[..., None], gloss, height, canvas.constant(0.0))

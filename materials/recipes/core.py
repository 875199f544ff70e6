"""Cores: what shows where a part is broken."""

from __future__ import annotations

import numpy as np

from materials.color import linear
from materials.maps import Surface
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex

__all__ = ["foam"]


def foam(canvas: Canvas, *, color: Hex, pores: Count = 90) -> Surface:
    """Torn upholstery foam: a softly lumped surface full of open pores of all sizes, ``pores`` across a tile."""
    cells = worley(canvas.draw, canvas.u, canvas.v, pores)
    size = canvas.draw.uniform(0.3, 1.2, pores**2)[cells.index]
    pore = smoothstep(0.50, 0.15, cells.nearest / size)
    lumps = fractal(canvas, low=3, high=40, falloff=1.6)
    # What lies deeper in the tear gets less light.
    tone = (1.0 - 0.35 * pore) * (1.0 + 0.05 * np.tanh(lumps))
    height = 0.008 * lumps - 0.12 / pores * pore
    return Surface(linear(color) * tone[..., None], canvas.constant(0.95), height, canvas.constant(0.0))

"""Cores: what shows where a part is broken."""

from __future__ import annotations

from materials.color import linear
from materials.maps import Surface
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex

__all__ = ["foam"]


def foam(canvas: Canvas, *, color: Hex, pores: Count = 60) -> Surface:
    """Torn upholstery foam: open pores, ``pores`` across a tile, on a lumpy surface."""
    cells = worley(canvas.draw, canvas.u, canvas.v, pores)
    pore = smoothstep(0.45, 0.1, cells.nearest)
    lumps = fractal(canvas, low=2, high=40, falloff=1.2)
    tone = (1.0 - 0.45 * pore) * (1.0 + 0.06 * lumps)
    height = 0.012 * lumps - 0.3 / pores * pore
    return Surface(linear(color) * tone[..., None], canvas.constant(0.95), height, canvas.constant(0.0))

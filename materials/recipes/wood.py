"""Wood: growth rings cut lengthwise, fibres and pores along v, boards, veneer of burr, paint, cane.

The grain runs along v because Smart UV turns islands upright: it then follows legs and rails.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from materials.color import FloatMap, linear, mix
from materials.maps import Surface
from materials.noise import MIN_SIZE, Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share
from materials.recipes.weaving import interlace

__all__ = ["boards", "burr", "cane", "painted_wood", "timber"]

Sawn = Literal["quarter", "flat"]


def timber(
    canvas: Canvas, *, early: Hex, late: Hex, rings: Count, sawn: Sawn, pores: Share = 0.3, roughness: Share = 0.45
) -> Surface:
    """Solid wood. ``early``/``late``: colours within a ring; ``rings`` across the tile; ``pores`` in [0, 1].

    Quarter-sawn boards show parallel lines, flat-sawn ones the arches of a cone cut near its surface.
    """
    return _grain(canvas, early, late, _rings(canvas, rings, sawn), pores, roughness)


def boards(
    canvas: Canvas, *, early: Hex, late: Hex, rings: Count, count: Count, pores: Share = 0.3, roughness: Share = 0.5
) -> Surface:
    """``count`` boards of one wood glued side by side, each cut elsewhere, with a fine joint between them."""
    board = (canvas.u * count).astype(int)
    shift = canvas.draw.integers(MIN_SIZE, size=count) * (canvas.size // MIN_SIZE)
    tint = canvas.draw.normal(1.0, 0.09, count)[board]
    rows = (np.arange(canvas.size)[:, None] + shift[board[0]][None, :]) % canvas.size
    phase = _rings(canvas, rings, "flat")[rows, np.arange(canvas.size)] + board * 0.37
    surface = _grain(canvas, early, late, phase, pores, roughness)
    edge = np.abs((canvas.u * count + 0.5) % 1.0 - 0.5) / count
    joint = 1.0 - smoothstep(0.001, 0.006, edge)
    color = surface.color * (tint * (1.0 - 0.55 * joint))[..., None]
    return Surface(color, surface.roughness + 0.2 * joint, surface.height - 0.004 * joint, surface.metallic)


def burr(canvas: Canvas, *, early: Hex, late: Hex, rings: Count, roughness: Share = 0.3) -> Surface:
    """Veneer of a burr: rings swirled around dormant buds."""
    swirl = fractal(canvas, low=1, high=20, falloff=1.7)
    buds = worley(canvas.draw, canvas.u + 0.03 * swirl, canvas.v + 0.03 * fractal(canvas, high=12, falloff=1.7), 5)
    phase = rings * 0.25 * swirl + 2.2 * np.exp(-3.0 * buds.nearest**2)
    surface = _grain(canvas, early, late, phase, 0.15, roughness)
    eye = 0.6 * smoothstep(0.16, 0.02, buds.nearest)
    return Surface(mix(surface.color, linear(late) * 0.6, eye), surface.roughness, surface.height, surface.metallic)


def painted_wood(canvas: Canvas, *, color: Hex, grain: Share = 0.5, roughness: Share = 0.5) -> Surface:
    """Brushed paint over wood: the grain shows in the relief and, thinly, in the colour. ``grain`` in [0, 1]."""
    phase = _rings(canvas, 14, "flat")
    ring, fibre = _ring_profile(phase), fractal(canvas, low=6, falloff=0.4, stretch=(1, 20))
    brush = fractal(canvas, low=3, falloff=0.6, stretch=(1, 10))
    tone = 1.0 + grain * (0.10 * (0.4 - ring) + 0.03 * fibre) + 0.02 * brush
    height = grain * (0.0008 * ring + 0.0003 * fibre) + 0.00025 * brush
    return Surface(linear(color) * tone[..., None], roughness + 0.03 * brush, height, canvas.constant(0.0))


def cane(canvas: Canvas, *, strand: Hex, shade: Hex, strands: Count = 16, roughness: Share = 0.5) -> Surface:
    """Woven flat strips of cane, two over two, each with its own tone and fibres."""
    weave = interlace(canvas, "basket", strands, wobble=0.12)
    tones = canvas.draw.normal(1, 0.08, (2, strands))
    tone = np.where(weave.warp_on_top, tones[0][weave.warp], tones[1][weave.weft])
    fibre = np.where(
        weave.warp_on_top,
        fractal(canvas, low=10, falloff=0.3, stretch=(1, 12)),
        fractal(canvas, low=10, falloff=0.3, stretch=(12, 1)),
    )
    color = mix(linear(shade), linear(strand), smoothstep(0.0, 0.75, weave.height))
    color *= (tone * (1 + 0.07 * fibre))[..., None]
    height = 0.35 / strands * np.sqrt(weave.height) + 0.0003 * fibre
    return Surface(color, roughness + 0.1 * (1 - weave.height), height, canvas.constant(0.0))


def _rings(canvas: Canvas, rings: int, sawn: Sawn) -> FloatMap:
    """(n, n) position across the growth rings, in rings; periodic up to a whole number of them."""
    wander = fractal(canvas, low=1, high=24, falloff=1.6, stretch=(1, 6))
    tremor = fractal(canvas, low=6, high=64, falloff=1.2, stretch=(1, 16))
    if sawn == "quarter":
        return rings * canvas.u + 0.8 * wander + 0.06 * tremor
    # A stem tapers: its rings climb a whole number of times a tile, which opens the ovals into arches.
    heart = canvas.u + 0.03 * fractal(canvas, low=1, high=3)
    return rings * 0.5 * np.cos(2 * np.pi * heart) + round(0.2 * rings) * canvas.v + 0.4 * wander + 0.06 * tremor


def _ring_profile(phase: FloatMap) -> FloatMap:
    """(n, n) in [0, 1]: slow growth of late wood through a ring, then a sharp end."""
    t = phase % 1.0
    return t**2.2 * smoothstep(1.0, 0.88, t)


def _grain(canvas: Canvas, early: Hex, late: Hex, phase: FloatMap, pores: float, roughness: float) -> Surface:
    """Rings at ``phase``, fibres, mottling, and pores that crowd in the early wood."""
    ring = _ring_profile(phase)
    fibre = fractal(canvas, low=8, falloff=0.5, stretch=(1, 16))
    mottle = fractal(canvas, low=1, high=8, falloff=0.8, stretch=(1, 3))
    vessel = fractal(canvas, low=20, falloff=0.0, stretch=(1, 14))
    pore = smoothstep(1.2, 2.0, vessel) * (1.0 - 0.75 * ring) * pores
    color = mix(linear(early), linear(late), np.clip(ring + 0.10 * fibre + 0.10 * mottle, 0.0, 1.0))
    color = color * ((1 + 0.05 * fibre + 0.06 * mottle) * (1 - 0.6 * pore))[..., None]
    height = 0.0006 * ring + 0.0002 * fibre - 0.0016 * pore
    gloss = roughness + 0.03 * fibre + 0.25 * pore - 0.05 * ring
    return Surface(color, gloss, height, canvas.constant(0.0))

"""Metal: polished, brushed, hammered, cast, galvanised, patinated, and coated with powder."""

from __future__ import annotations

from materials.color import linear, mix
from materials.maps import Surface
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share

__all__ = ["brushed", "cast", "galvanised", "hammered", "patinated", "polished", "powder_coated"]


def polished(canvas: Canvas, *, color: Hex, roughness: Share = 0.10) -> Surface:
    """Plated or polished to a mirror, with faint smears and hairlines."""
    smear = smoothstep(0.0, 2.0, fractal(canvas, low=2, high=40, falloff=1.0, stretch=(1, 2)))
    hairline = smoothstep(2.0, 2.8, fractal(canvas, low=30, falloff=0.0, stretch=(20, 1)))
    tone = 1.0 - 0.04 * smear - 0.05 * hairline
    gloss = roughness + 0.10 * smear + 0.10 * hairline
    waviness = 0.0006 * fractal(canvas, low=1, high=6, falloff=1.5)
    return Surface(linear(color) * tone[..., None], gloss, waviness, canvas.constant(1.0))


def brushed(canvas: Canvas, *, color: Hex, roughness: Share = 0.32, depth: Share = 0.5) -> Surface:
    """Parallel scratches along v; ``depth`` in [0, 1]."""
    scratch = fractal(canvas, low=6, falloff=0.15, stretch=(1, 60))
    cloud = fractal(canvas, low=1, high=6, falloff=1.0, stretch=(1, 2))
    tone = 1.0 + 0.10 * depth * scratch + 0.03 * cloud
    gloss = roughness + 0.03 * scratch + 0.015 * cloud
    return Surface(linear(color) * tone[..., None], gloss, 0.0003 * depth * scratch, canvas.constant(1.0))


def hammered(canvas: Canvas, *, color: Hex, dents: Count = 9, roughness: Share = 0.28) -> Surface:
    """Overlapping round dents of a planishing hammer, darker in the hollows."""
    cells = worley(canvas.draw, canvas.u, canvas.v, dents)
    bowl = cells.nearest.clip(0.0, 1.0) ** 2
    grain = fractal(canvas, low=10, falloff=0.4)
    tone = 0.72 + 0.35 * bowl + 0.03 * grain
    return Surface(linear(color) * tone[..., None], roughness + 0.02 * grain, 0.25 / dents * bowl, canvas.constant(1.0))


def cast(canvas: Canvas, *, color: Hex, roughness: Share = 0.62) -> Surface:
    """Sand-cast: grainy, pitted, dull."""
    grain = fractal(canvas, low=12, falloff=0.5)
    pits = smoothstep(1.6, 2.4, fractal(canvas, low=10, high=60, falloff=0.3))
    tone = 1.0 + 0.10 * grain - 0.35 * pits + 0.06 * fractal(canvas, low=1, high=8)
    height = 0.0011 * grain - 0.004 * pits
    return Surface(
        linear(color) * tone[..., None], roughness + 0.04 * grain + 0.15 * pits, height, canvas.constant(1.0)
    )


def galvanised(canvas: Canvas, *, color: Hex, spangles: Count = 9, roughness: Share = 0.42) -> Surface:
    """Hot-dip zinc: crystals that each reflect a little differently."""
    u, v = (x + 0.006 * fractal(canvas, low=3, high=30, falloff=1.0) for x in (canvas.u, canvas.v))
    cells = worley(canvas.draw, u, v, spangles)
    shine = canvas.draw.normal(0.0, 1.0, spangles**2)[cells.index]
    frost = fractal(canvas, low=16, falloff=0.3, stretch=(1, 3))
    tone = 1.0 + 0.13 * shine + 0.04 * frost
    return Surface(linear(color) * tone[..., None], roughness + 0.03 * shine, 0.0002 * frost, canvas.constant(1.0))


def patinated(canvas: Canvas, *, color: Hex, patina: Hex, cover: Share = 0.4, roughness: Share = 0.3) -> Surface:
    """Bare metal with a dull, non-metallic oxide on a share ``cover`` in [0, 1] of it."""
    spread = fractal(canvas, low=1, falloff=1.4)
    oxide = smoothstep(-0.7, 0.7, spread + 3.0 * (cover - 0.5)) * 0.85
    grain = fractal(canvas, low=16, falloff=0.3)
    color_map = mix(linear(color), linear(patina), oxide) * (1 + 0.08 * grain * oxide)[..., None]
    height = 0.0015 * oxide + 0.0005 * grain * oxide
    return Surface(color_map, roughness + 0.4 * oxide + 0.02 * grain, height, 1.0 - oxide)


def powder_coated(canvas: Canvas, *, color: Hex, roughness: Share = 0.5) -> Surface:
    """Metal under baked paint with slight orange peel: to light it is a dielectric, so metallic is 0."""
    peel = fractal(canvas, low=14, high=50, falloff=0.5)
    tone = 1.0 + 0.015 * peel + 0.02 * fractal(canvas, low=1, high=6)
    return Surface(linear(color) * tone[..., None], roughness + 0.02 * peel, 0.0007 * peel, canvas.constant(0.0))

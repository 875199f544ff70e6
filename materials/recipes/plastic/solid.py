"""Plain plastic as its mould leaves it: smooth, eroded, grained, ribbed, rubbery, clear, laminated."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share
from materials.recipes.marks import scratches

__all__ = ["clear", "grained", "laminate", "moulded", "ribbed", "rubber", "textured"]


def moulded(canvas: Canvas, *, color: Hex, roughness: Share = 0.2, wear: Share = 0.3) -> SVBRDF:
    """Smooth injection moulding: sink marks, faint orange peel, and with ``wear`` scratches and rubbed patches."""
    sink = fractal(canvas, low=1, high=8, falloff=1.5)
    peel = fractal(canvas, low=20, high=70, falloff=0.4)
    rubbed = smoothstep(0.0, 2.0, fractal(canvas, low=2, high=60, falloff=0.9))
    scratch = wear * scratches(canvas, wear)
    tone = 1.0 + 0.03 * sink + 0.02 * wear * rubbed
    chalk = (0.25 * scratch + 0.03 * wear * rubbed)[..., None]
    base = linear(color) * tone[..., None]
    gloss = roughness + 0.35 * scratch + 0.2 * wear * rubbed + 0.01 * peel
    height = 0.0014 * sink + 0.0001 * peel - 0.0006 * scratch
    return SVBRDF(base + (0.6 - base) * chalk, gloss, height, canvas.constant(0.0))


def textured(
    canvas: Canvas, *, color: Hex, grain: Count = 40, depth: Share = 0.5, wear: Share = 0.3, roughness: Share = 0.6
) -> SVBRDF:
    """Matt texture of a spark-eroded mould, ``grain`` bumps across a tile, rubbed shiny here and there."""
    bumps = np.tanh(fractal(canvas, low=grain * 0.6, high=grain * 1.6, falloff=0.2))
    flow = fractal(canvas, low=1, high=6)
    rubbed = wear * smoothstep(0.2, 2.0, fractal(canvas, low=2, high=40, falloff=0.9))
    dust = wear * smoothstep(0.0, 2.0, fractal(canvas, low=2, high=30, falloff=1.0)) * (0.5 - 0.5 * bumps)
    base = linear(color) * (1.0 + 0.10 * depth * bumps + 0.03 * flow)[..., None]
    gloss = roughness - 0.05 * bumps - 0.2 * rubbed + 0.1 * dust
    return SVBRDF(
        base + (0.5 - base) * (0.10 * dust)[..., None], gloss, 0.2 * depth / grain * bumps, canvas.constant(0.0)
    )


def grained(canvas: Canvas, *, color: Hex, pebbles: Count = 40, roughness: Share = 0.5) -> SVBRDF:
    """Leather grain embossed in plastic or vinyl: flat pebbles in a net of grooves that hold the dust."""
    u, v = (
        x + 0.14 / pebbles * fractal(canvas, low=pebbles / 3, high=1.2 * pebbles, falloff=0.8)
        for x in (canvas.u, canvas.v)
    )
    cells = worley(canvas.draw, u, v, pebbles)
    flat = smoothstep(0.0, 0.35, cells.border)
    shine = fractal(canvas, low=2, high=20, falloff=1.0)
    tone = 0.8 + 0.2 * flat + canvas.draw.normal(0.0, 0.02, pebbles**2)[cells.index] + 0.03 * shine
    gloss = roughness + 0.2 * (1.0 - flat) + 0.03 * shine
    return SVBRDF(linear(color) * tone[..., None], gloss, 0.12 / pebbles * flat, canvas.constant(0.0))


def ribbed(canvas: Canvas, *, color: Hex, ribs: Count = 30, depth: Share = 0.5, roughness: Share = 0.4) -> SVBRDF:
    """Round ribs along v, ``ribs`` across a tile; the valleys between them are dark and dusty."""
    across = canvas.u * ribs % 1.0 - 0.5
    dome = np.sqrt(np.clip(1.0 - 3.6 * across**2, 0.0, 1.0))
    flow = fractal(canvas, low=1, high=16, falloff=0.9, stretch=(1, 3))
    rubbed = smoothstep(0.0, 2.0, fractal(canvas, low=2, high=60, falloff=0.8))
    tone = 0.55 + 0.5 * dome + 0.03 * flow
    gloss = roughness + 0.25 * (1.0 - dome) - 0.08 * rubbed * dome
    return SVBRDF(linear(color) * tone[..., None], gloss, 0.5 * depth / ribs * dome, canvas.constant(0.0))


def rubber(canvas: Canvas, *, color: Hex, bloom: Share = 0.4, roughness: Share = 0.75) -> SVBRDF:
    """Soft-touch coating or rubber: dull, with chalky ``bloom`` and prints where it was touched."""
    fine = fractal(canvas, low=30, falloff=0.2)
    chalk = bloom * smoothstep(-0.5, 2.2, fractal(canvas, low=2, high=60, falloff=1.3))
    touched = smoothstep(0.6, 1.8, fractal(canvas, low=4, high=40, falloff=0.9))
    base = mix(linear(color) * (1.0 + 0.04 * fine)[..., None], linear("#b4b1aa"), 0.12 * chalk)
    gloss = roughness + 0.1 * chalk - 0.12 * touched + 0.02 * fine
    return SVBRDF(base * (1.0 - 0.08 * touched)[..., None], gloss, 0.00025 * fine, canvas.constant(0.0))


def clear(canvas: Canvas, *, color: Hex, edge: Hex, frost: Share = 0.0, roughness: Share = 0.1) -> SVBRDF:
    """Clear or tinted plastic, for a translucent finish: flow clouds of ``edge`` tint; ``frost`` sands it."""
    cloud = fractal(canvas, low=1, high=10, falloff=1.4, stretch=(1, 1.6))
    sanded = fractal(canvas, low=50, falloff=0.0)
    scratch = scratches(canvas, 0.5)
    base = mix(linear(color), linear(edge), 0.35 + 0.15 * np.tanh(cloud))
    tone = 1.0 + 0.05 * frost * sanded + 0.15 * scratch
    gloss = roughness + 0.05 * frost * sanded + 0.25 * scratch
    height = 0.0016 * cloud + 0.0004 * frost * sanded
    return SVBRDF(base * tone[..., None], gloss, height, canvas.constant(0.0))


def laminate(
    canvas: Canvas, *, color: Hex, decor: Hex, pattern: Share = 0.3, along: Count = 1, roughness: Share = 0.45
) -> SVBRDF:
    """High-pressure laminate: a printed decor of ``decor`` under melamine with a pearl structure.

    ``along``: how many times longer than wide the print's figures are: 1 for stone, more for linear decors.
    """
    figure = fractal(canvas, low=3, falloff=0.7, stretch=(1, along))
    speck = fractal(canvas, low=50, falloff=0.0, stretch=(1, min(along, 6)))
    pearl = np.tanh(fractal(canvas, low=50, high=110, falloff=0.1))
    share = pattern * smoothstep(-1.5, 1.8, figure + 0.3 * speck)
    scratch = scratches(canvas, 0.3)
    base = mix(linear(color), linear(decor), share) * (1.0 + 0.05 * scratch)[..., None]
    return SVBRDF(base, roughness + 0.04 * pearl + 0.15 * scratch, 0.0002 * pearl, canvas.constant(0.0))

"""Bare, oiled and lacquered wood: solid pieces, veneer, burr, bamboo, board of glued chips."""

from __future__ import annotations

from typing import Literal

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.wood.grain import (
    Cut,
    Growth,
    birds_eyes,
    curls,
    dashes,
    grow_knots,
    growth_phase,
    lay,
    ray_flecks,
    ribbons,
    ring_profile,
)

__all__ = ["bamboo", "burr", "cork", "fibreboard", "timber", "veneer"]


def timber(
    canvas: Canvas,
    *,
    light: Hex,
    dark: Hex,
    rings: Count = 44,
    cut: Cut = "flat",
    growth: Growth = "diffuse",
    staves: Count = 3,
    lengths: Count = 1,
    tint: Share = 0.05,
    streak: Share = 0.15,
    pores: Share = 0.2,
    pore: Hex | None = None,
    rays: Share = 0.0,
    dash: Share = 0.0,
    ribbon: Share = 0.0,
    curl: Share = 0.0,
    eyes: Share = 0.0,
    knots: Share = 0.0,
    joint: Share = 0.0,
    relief: Share = 0.3,
    roughness: Share = 0.45,
) -> SVBRDF:
    """Solid wood, glued up from ``staves`` (of ``lengths`` pieces each); ``joint``: how far open between them.

    ``light`` and ``dark``: colours within a ring; ``rings``: as many a tile; ``tint``: how pieces differ;
    ``streak``: broad dark stripes; ``pores`` of colour ``pore`` (dark unless filled); figure, each in [0, 1]:
    ``rays`` of oak, ``dash`` of beech, ``ribbon``, ``curl``, bird's ``eyes``, ``knots``; ``relief`` of the grain.
    """
    pieces = lay(canvas, staves, lengths, uneven=0.0 if lengths > 1 else 0.25)
    grown = grow_knots(canvas, 3, 0.7 * knots, 0.012 + 0.018 * knots) if knots else None
    phase = growth_phase(canvas, pieces, rings, cut, grown)
    ring = ring_profile(phase, growth) * np.clip(
        0.8 + 0.25 * fractal(canvas, low=2, high=30, falloff=0.6, stretch=(1, 20)), 0.2, 1.3
    )
    fibre = fractal(canvas, low=8, falloff=0.5, stretch=(1, 16))
    mottle = fractal(canvas, high=8, falloff=0.9, stretch=(1, 3))
    stripe = np.tanh(fractal(canvas, low=1, high=45, falloff=0.5, stretch=(1, 40)))
    early = 1.0 - smoothstep(0.1, 0.5, phase % 1.0) if growth == "ring_porous" else 1.0 - 0.6 * ring
    vessel = smoothstep(0.9, 1.9, fractal(canvas, low=24, falloff=0.0, stretch=(1, 24)) + 0.7 * (early - 0.6))
    pored = pores * vessel

    share = 0.75 * ring + streak * (0.7 * stripe + 0.3 * mottle + 0.15) + 0.05 * fibre
    share = np.clip(share, -0.2, 1.1)
    tone = 1.0 + 0.035 * fibre + 0.03 * mottle
    height = 0.0005 * ring + 0.00022 * fibre
    gloss = roughness + 0.02 * fibre - 0.03 * ring
    if ribbon:
        bands = ribbon * ribbons(canvas)
        tone, gloss = tone * (1.0 + 0.16 * bands), gloss - 0.05 * bands
    if curl:
        bars = curl * curls(canvas, 15)
        tone, height = tone * (1.0 + 0.15 * bars), height + 0.0004 * bars
    if eyes:
        seen = eyes * birds_eyes(canvas, 18)
        tone, height = tone * (1.0 + 0.35 * seen), height + 0.001 * seen
    color = mix(linear(light), linear(dark), share)
    if rays:
        fleck = rays * ray_flecks(canvas)
        color = mix(color, linear(light) * 1.25, 0.9 * fleck)
        gloss = gloss - 0.1 * fleck
    if dash:
        color = mix(color, linear(dark) * 0.75, dash * dashes(canvas))
    if grown is not None:
        heart = linear(dark) * np.array([0.55, 0.42, 0.32])
        color = mix(color, mix(linear(dark) * 0.9, heart, grown.ring), 0.85 * grown.near)
    # Darker pieces are warmer too.
    lot = pieces.each(canvas.draw.normal(0.0, tint, pieces.count))
    color = color * tone[..., None] * np.exp(lot[..., None] * np.array([0.8, 1.0, 1.25]))
    filled = color * 0.45 if pore is None else np.broadcast_to(linear(pore), color.shape)
    color = mix(color, filled, pored)
    depth = 0.0016 if pore is None else 0.0007
    height = relief / 0.3 * (height - depth * pored)
    groove = joint * (1.0 - smoothstep(0.0005, 0.0065, pieces.edge))
    color = color * (1.0 - 0.7 * groove)[..., None]
    return SVBRDF(color, gloss + 0.2 * (pored + groove), height - 0.005 * groove, canvas.constant(0.0))


def veneer(
    canvas: Canvas,
    *,
    light: Hex,
    dark: Hex,
    rings: Count,
    leaves: Literal[2, 4, 8] = 4,
    pores: Share = 0.2,
    streak: Share = 0.4,
    roughness: Share = 0.35,
) -> SVBRDF:
    """Book-matched veneer: ``leaves`` of one log, every other one turned over, so that they mirror each other."""
    lone = lay(canvas, 1)
    ring = ring_profile(growth_phase(canvas, lone, rings, "rift"), "diffuse")
    fibre = fractal(canvas, low=8, falloff=0.5, stretch=(1, 16))
    stripe = np.tanh(fractal(canvas, low=2, high=40, falloff=0.5, stretch=(1, 20)))
    pored = pores * smoothstep(1.0, 1.9, fractal(canvas, low=24, falloff=0.0, stretch=(1, 12)))
    share = np.clip(0.85 * ring * (0.8 + 0.3 * stripe) + streak * stripe, -0.15, 1.1)
    color = mix(linear(light), linear(dark), share) * ((1.0 + 0.04 * fibre) * (1.0 - 0.5 * pored))[..., None]
    height = 0.0003 * ring + 0.0002 * fibre - 0.001 * pored
    gloss = roughness + 0.02 * fibre + 0.15 * pored
    leaf = canvas.size // leaves
    place = np.arange(canvas.size) % (2 * leaf)
    turned = np.minimum(place, 2 * leaf - place)
    return SVBRDF(color[:, turned], gloss[:, turned], height[:, turned], canvas.constant(0.0))


def burr(canvas: Canvas, *, light: Hex, dark: Hex, rings: Count, buds: Count = 7, roughness: Share = 0.3) -> SVBRDF:
    """Veneer of a burr: rings swirled around clusters of dormant buds."""
    swirl = fractal(canvas, low=1, high=16, falloff=1.6)
    stray = 0.03 * swirl, 0.03 * fractal(canvas, high=12, falloff=1.7)
    bud = worley(canvas.draw, canvas.u + stray[0], canvas.v + stray[1], buds)
    seen = canvas.draw.uniform(0.0, 1.0, buds**2)[bud.index] < 0.7
    ring = ring_profile(rings * 0.2 * swirl + 2.0 * seen * np.exp(-3.0 * bud.nearest**2), "diffuse")
    cloud = fractal(canvas, low=2, high=24, falloff=0.7)
    speck = fractal(canvas, low=20, falloff=0.3)
    share = np.clip(0.7 * ring + 0.22 * cloud + 0.06 * speck, -0.2, 1.2)
    eye = 0.75 * seen * smoothstep(0.2, 0.05, bud.nearest)
    color = mix(mix(linear(light), linear(dark), share), linear(dark) * 0.5, eye)
    height = 0.0004 * ring + 0.0003 * speck - 0.001 * eye
    return SVBRDF(color, roughness + 0.02 * speck + 0.1 * eye, height, canvas.constant(0.0))


def bamboo(
    canvas: Canvas,
    *,
    light: Hex,
    dark: Hex,
    strips: Count = 16,
    nodes: Count = 2,
    culms: bool = False,
    tint: Share = 0.08,
    roughness: Share = 0.4,
) -> SVBRDF:
    """Strips of bamboo, or whole round ``culms``, with ``nodes`` a tile along each."""
    pieces = lay(canvas, strips, uneven=0.2 if culms else 0.0)
    fibre = fractal(canvas, low=16, falloff=0.2, stretch=(1, 30))
    cloud = fractal(canvas, low=1, high=20, falloff=0.7, stretch=(1, 5))
    stagger = pieces.each(canvas.draw.permutation(strips) / strips + canvas.draw.uniform(-0.1, 0.1, strips))
    to_node = np.abs((canvas.v * nodes + stagger) % 1.0 - 0.5) / nodes
    node = np.exp(-((to_node / 0.006) ** 2))
    halo = np.exp(-((to_node / 0.03) ** 2))
    share = np.clip(0.3 + 0.2 * cloud + 0.12 * fibre + 0.5 * node + 0.15 * halo, -0.1, 1.2)
    lot = pieces.each(canvas.draw.normal(0.0, tint, strips))
    color = mix(linear(light), linear(dark), share) * np.exp(lot[..., None] * np.array([0.8, 1.0, 1.3]))
    across = pieces.x / (0.5 * pieces.width)
    if culms:
        height = pieces.width * 0.35 * np.sqrt(1.0 - 0.9 * across**2) + 0.004 * node * (1.0 - across**2)
        color = color * (1.0 - 0.75 * smoothstep(0.7, 1.0, np.abs(across)))[..., None]
    else:
        groove = 1.0 - smoothstep(0.0003, 0.004, pieces.edge)
        color = color * (1.0 - 0.25 * groove)[..., None]
        height = 0.0003 * fibre + 0.0006 * node - 0.0012 * groove
    return SVBRDF(color, roughness + 0.02 * fibre + 0.1 * node, height, canvas.constant(0.0))


def cork(canvas: Canvas, *, colors: Palette, dark: Hex, granules: Count = 40, roughness: Share = 0.8) -> SVBRDF:
    """Pressed granules of cork, about ``granules`` across a tile, each in one of ``colors``; gaps are ``dark``."""
    stray = [0.35 / granules * fractal(canvas, low=10, high=100, falloff=0.7) for _ in range(2)]
    cell = worley(canvas.draw, canvas.u + stray[0], canvas.v + stray[1], granules)
    table = np.array([linear(color) for color in colors])
    tone = canvas.draw.normal(1.0, 0.1, granules**2)[cell.index]
    hole = (canvas.draw.uniform(0.0, 1.0, granules**2) < 0.05)[cell.index] * smoothstep(0.5, 0.2, cell.nearest)
    gap = 0.6 * smoothstep(0.2, 0.0, cell.border) + 0.35 * hole
    cloud = fractal(canvas, low=1, high=12, falloff=0.8)
    color = table[canvas.draw.integers(len(colors), size=granules**2)[cell.index]]
    color = mix(color * (tone * (1.0 + 0.06 * cloud))[..., None], linear(dark), gap)
    return SVBRDF(color, roughness + 0.05 * gap, -0.06 / granules * gap, canvas.constant(0.0))


def fibreboard(
    canvas: Canvas, *, color: Hex, fleck: Hex, amount: Share = 0.3, chip: Share = 0.2, roughness: Share = 0.7
) -> SVBRDF:
    """MDF, hardboard, chipboard: pressed fibres to chips (``chip`` 0 to 1), an ``amount`` in another colour."""
    coarse = 90.0 - 65.0 * chip
    chips = [fractal(canvas, low=coarse * 0.25, high=coarse * 1.4, falloff=0.4, stretch=s) for s in ((1, 3), (3, 1))]
    felted = np.maximum(*chips)
    cloud = fractal(canvas, low=1, high=16, falloff=0.7)
    share = amount * (smoothstep(0.3, 1.9, felted) + 0.25 * cloud)
    tone = 1.0 + 0.05 * chips[0] * (0.4 + chip)
    return SVBRDF(
        mix(linear(color), linear(fleck), np.clip(share, 0.0, 1.0)) * tone[..., None],
        roughness + 0.03 * chips[1],
        0.0004 * (0.4 + chip) * felted,
        canvas.constant(0.0),
    )

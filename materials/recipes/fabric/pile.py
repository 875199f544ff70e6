"""Fabric with a pile or a nap: corduroy, velvet, suede-like microfibre, boucle, fleece, felt."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.fabric.cloth import cloth, plain
from materials.recipes.weaving import profile

__all__ = ["boucle", "corduroy", "felt", "fleece", "microfibre", "velvet"]


def corduroy(canvas: Canvas, *, color: Hex, wales: Count = 20, worn: Share = 0.3) -> SVBRDF:
    """Rounded ribs of cut pile along v; ``worn``: the pile lies this way and that and is rubbed lighter."""
    stray = 0.03 * fractal(canvas, low=1, high=30, falloff=0.8, stretch=(1, 5))
    rib = profile((canvas.u * wales + stray) % 1.0 - 0.5)
    pile = fractal(canvas, low=20, falloff=0.1, stretch=(2, 1))
    laid = 0.04 * fractal(canvas, high=8) + 0.11 * worn * fractal(canvas, low=2, high=40, falloff=0.9, stretch=(1, 3))
    shading = (0.30 + 0.70 * smoothstep(0.05, 0.95, rib)) * (1.0 + laid)
    return cloth(canvas, plain(canvas, color), shading, pile, 0.25 / wales * rib + 0.0005 * pile)


def velvet(canvas: Canvas, *, color: Hex, brushed: Share = 0.4, crushed: Share = 0.0, streaks: Share = 0.0) -> SVBRDF:
    """Short dense pile, lighter and darker as it lies: in soft clouds where a hand ``brushed`` it, in angular
    patches where it is ``crushed``, in ``streaks`` along v where its yarn is uneven."""
    drift = fractal(canvas, low=1.5, high=24, falloff=1.9, stretch=(1, 1.3))
    pile = fractal(canvas, low=40, falloff=0.0)
    lie = 0.3 * brushed * np.tanh(0.8 * drift)
    height = 0.003 * brushed * drift + 0.0003 * pile
    if crushed:
        bend = (0.02 * fractal(canvas, low=2, high=30, falloff=1.0) for _ in range(2))
        u, v = (x + shift for x, shift in zip((canvas.u, canvas.v), bend, strict=True))
        patches = worley(canvas.draw, u, v, 11)
        patch = canvas.draw.uniform(-1.0, 1.0, 121)[patches.index] * smoothstep(0.0, 0.35, patches.border)
        lie = lie + crushed * (0.55 * patch + 0.15 * np.tanh(2.0 * fractal(canvas, low=6, high=60, falloff=1.0)))
        height = height + 0.005 * crushed * patches.border
    if streaks:
        lie = lie + 0.3 * streaks * fractal(canvas, low=10, high=90, falloff=0.3, stretch=(1, 14))
    surface = cloth(canvas, plain(canvas, color), np.clip(1.0 + 0.8 * lie, 0.35, 1.8), pile, height)
    return SVBRDF(surface.color, np.clip(0.76 - 0.3 * lie, 0.45, 1.0), surface.height, surface.metallic)


def microfibre(canvas: Canvas, *, color: Hex, nap: Share = 0.4, grain: Share = 0.4) -> SVBRDF:
    """Suede-like cloth: a very short nap that keeps the strokes of hands, ``grain``: of two close tones."""
    strokes = fractal(canvas, low=2, high=24, falloff=1.2, stretch=(1.6, 1))
    fine = fractal(canvas, low=30, falloff=0.0)
    tones = fractal(canvas, low=10, high=80, falloff=0.5)
    shading = 1.0 + 0.16 * nap * np.tanh(1.8 * strokes) + 0.10 * grain * np.tanh(tones)
    return cloth(canvas, plain(canvas, color), shading, fine, 0.0005 * fine + 0.0006 * grain * tones, 0.92)


def boucle(
    canvas: Canvas, *, color: Palette, shade: Hex, loops: Count = 24, twist: Share = 0.5, depth: Share = 0.5
) -> SVBRDF:
    """Curled loops of yarn of uneven size, ``loops`` across a tile, each of one of the colours, dark in between."""
    bend = 0.15 / loops
    u, v = (x + bend * fractal(canvas, low=4, high=2 * loops, falloff=0.8) for x in (canvas.u, canvas.v))
    cells = worley(canvas.draw, u, v, loops)
    dome = np.clip(1.0 - 1.2 * cells.nearest**2, 0.0, 1.0)
    curl = np.sin(12.0 * cells.nearest + canvas.draw.uniform(0, 2 * np.pi, loops**2)[cells.index])
    yarn = np.array([linear(c) for c in color])[canvas.draw.integers(len(color), size=loops**2)]
    yarn = yarn * canvas.draw.normal(1.0, 0.07, loops**2)[:, None]
    fuzz = fractal(canvas, low=16, falloff=0.2)
    surface = mix(linear(shade), yarn[cells.index], smoothstep(0.0, 1.0 - 0.3 * depth, dome + 0.5 * (1.0 - depth)))
    shading = 1.0 - 0.7 * depth * (1.0 - dome) + 0.2 * twist * curl
    return cloth(canvas, surface, shading, fuzz, (0.30 * dome + 0.04 * twist * curl) / loops)


def fleece(canvas: Canvas, *, color: Hex, shade: Hex, curls: Count = 20, depth: Share = 0.5) -> SVBRDF:
    """Teddy and sheepskin: soft locks that curl and clump, their tips in ``color``, their roots in ``shade``."""
    bend = 0.3 / curls
    u, v = (x + bend * fractal(canvas, low=2, high=3 * curls, falloff=0.9) for x in (canvas.u, canvas.v))
    cells = worley(canvas.draw, u, v, curls)
    angle = canvas.draw.uniform(0, 2 * np.pi, curls**2)[cells.index]
    hair = fractal(canvas, low=30, falloff=0.2)
    lock = np.clip(1.0 - cells.nearest, 0.0, 1.0) + 0.16 * np.sin(9.0 * cells.nearest + angle) + 0.10 * hair
    clumps = fractal(canvas, low=3, high=16, falloff=0.8)
    tip = smoothstep(-0.5, 0.8, lock + 0.12 * clumps)
    surface = mix(linear(color), linear(shade), depth * (1.0 - tip))
    return cloth(canvas, surface, 1.0 + 0.06 * depth * clumps, hair, 0.13 / curls * lock + 0.0006 * hair, 0.95)


def felt(canvas: Canvas, *, color: Hex, melange: Hex, share: Share = 0.35, nap: Share = 0.0) -> SVBRDF:
    """Matted wool, a ``share`` of it of the second colour; ``nap``: fibres brushed one way, as loden's are."""
    directions = ((1, 8), (1, 5), (1, 3)) if nap else ((1, 3), (3, 1), (1, 1))
    mat = sum((fractal(canvas, low=12, falloff=0.3, stretch=s) for s in directions), canvas.constant(0.0)) / np.sqrt(3)
    second = fractal(canvas, low=6, high=70, falloff=0.5, stretch=(1, 1 + 2 * nap)) + 0.3 * mat
    chosen = smoothstep(-1.8, 1.8, second + 2.5 * (share - 0.5))
    wool = mix(linear(color), linear(melange), chosen)
    return cloth(canvas, wool, 1.0 + (0.08 + 0.06 * nap) * mat, mat, 0.0009 * mat)

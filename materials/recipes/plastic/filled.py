"""Plastic that shows what it is made of: flakes, specks, fibres, swirls of colour."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.marks import scratches, strokes

__all__ = ["fibreglass", "flaked", "glass_filled", "marbled", "speckled"]


def flaked(
    canvas: Canvas, *, color: Hex, flakes: Palette, share: Share = 0.3, count: Count = 26, roughness: Share = 0.4
) -> SVBRDF:
    """Recycled plastic pressed from shreds, ``count`` across a tile: a ``share`` of them of the colours ``flakes``."""
    u, v = (x + 0.004 * fractal(canvas, low=4, high=60, falloff=0.8) for x in (canvas.u, canvas.v))
    cells = worley(canvas.draw, u, v, count)
    palette = np.array([linear(color), *(linear(c) for c in flakes)])
    chance = [1.0 - share, *(share / len(flakes) for _ in flakes)]
    chosen = canvas.draw.choice(len(palette), size=count**2, p=chance)
    tone = canvas.draw.normal(1.0, 0.05, count**2)[cells.index]
    sink = fractal(canvas, low=2, high=30, falloff=1.0)
    scratch = scratches(canvas, 0.4)
    color_map = palette[chosen][cells.index] * tone[..., None]
    return SVBRDF(color_map, roughness + 0.03 * sink + 0.15 * scratch, 0.0008 * sink, canvas.constant(0.0))


def speckled(
    canvas: Canvas, *, color: Hex, specks: Palette, count: Count = 40, size: Share = 0.4, roughness: Share = 0.5
) -> SVBRDF:
    """Round granules of the colours ``specks`` in a plain ground, up to one in each cell of ``count`` across a tile."""
    warp = fractal(canvas, low=20, high=80, falloff=0.6)
    cells = worley(canvas.draw, canvas.u, canvas.v, count)
    radius = size * canvas.draw.uniform(0.0, 1.0, count**2) ** 2
    inside = smoothstep(0.06, -0.06, cells.nearest + 0.06 * warp - radius[cells.index])
    palette = np.array([linear(c) for c in specks])
    granule = palette[canvas.draw.integers(len(palette), size=count**2)][cells.index]
    cloud = fractal(canvas, low=1, high=12, falloff=1.0)
    base = mix(linear(color), granule, inside) * (1.0 + 0.03 * cloud)[..., None]
    fine = fractal(canvas, low=30, falloff=0.2)
    gloss = roughness + 0.04 * cloud + 0.02 * fine - 0.08 * inside
    return SVBRDF(base, gloss, 0.0003 * fine, canvas.constant(0.0))


def glass_filled(canvas: Canvas, *, color: Hex, fibre: Hex, flow: Share = 0.5, roughness: Share = 0.55) -> SVBRDF:
    """Nylon with short glass fibres that surface in drifts along the flow (v), paler and duller than the rest."""
    drift = fractal(canvas, low=2.5, high=60, falloff=1.0, stretch=(1, 2.5))
    streak = fractal(canvas, low=10, falloff=0.3, stretch=(1, 9))
    bumps = np.tanh(fractal(canvas, low=40, high=110, falloff=0.1))
    shown = flow * smoothstep(-0.6, 2.0, drift) * (0.55 + 0.25 * np.tanh(streak))
    base = mix(linear(color) * (1.0 + 0.05 * bumps)[..., None], linear(fibre), shown)
    return SVBRDF(
        base, roughness + 0.25 * shown + 0.03 * bumps, 0.00035 * bumps + 0.0001 * streak, canvas.constant(0.0)
    )


def fibreglass(
    canvas: Canvas, *, color: Hex, fibre: Hex, fibres: Count = 900, show: Share = 0.5, roughness: Share = 0.4
) -> SVBRDF:
    """Polyester over a chopped-strand mat: ``fibres`` threads of glass crossing at random, seen in the resin."""
    drawn = strokes(canvas, fibres, (0.06, 0.16), bend=0.5)
    depth = canvas.draw.uniform(-0.6, 1.0, fibres)[drawn.index]
    thread = drawn.line(0.012)
    cloud = fractal(canvas, low=2, high=40, falloff=1.0)
    fine = fractal(canvas, low=20, falloff=0.4)
    ground = linear(color) * (1.0 + 0.06 * cloud + 0.04 * fine)[..., None]
    pale = mix(ground, linear(fibre), show * thread * depth.clip(0.0, 1.0))
    base = pale * (1.0 - 0.5 * show * thread * (-depth).clip(0.0, 1.0))[..., None]
    gloss = roughness + 0.10 * thread * depth + 0.04 * cloud
    return SVBRDF(base, gloss, 0.0006 * thread * depth + 0.0002 * fine, canvas.constant(0.0))


def marbled(canvas: Canvas, *, color: Hex, veins: Palette, roughness: Share = 0.2) -> SVBRDF:
    """Poured resin: colours stirred into one another in folded bands, with thin veins where they meet."""
    bend_u, bend_v = (fractal(canvas, low=1, high=12, falloff=1.2, stretch=(1.0, 2.2)) for _ in range(2))
    base = np.broadcast_to(linear(color), (canvas.size, canvas.size, 3))
    for number, vein in enumerate(veins):
        phase = 2.0 * np.pi * (canvas.u * (3 + number) + canvas.v * (1 - 2 * number))
        wave = np.sin(phase + 1.7 * bend_u + 1.1 * number * bend_v)
        stirred = fractal(canvas, low=4, high=60, falloff=1.6)
        band = smoothstep(-0.5, 1.0, wave + 0.2 * stirred)
        thin = smoothstep(0.10, 0.0, np.abs(wave + 0.2 * stirred - 0.1))
        base = mix(base, linear(vein), np.maximum(0.6 * band, 0.55 * thin))
    scratch = scratches(canvas, 0.4)
    sink = fractal(canvas, low=1, high=10, falloff=1.3)
    return SVBRDF(base, roughness + 0.2 * scratch + 0.02 * sink, 0.0012 * sink, canvas.constant(0.0))

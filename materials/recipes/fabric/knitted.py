"""Looped fabric: stocking stitch, rib, and the taut mesh of office chairs."""

from __future__ import annotations

from typing import Literal

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Count, Hex, Share
from materials.recipes.fabric.cloth import cloth
from materials.recipes.weaving import profile

__all__ = ["knit", "mesh"]

Eyelet = Literal["round", "ladder", "diamond"]


def knit(
    canvas: Canvas, *, color: Hex, melange: Hex, columns: Count = 20, ribs: Count = 1, relief: Share = 0.0
) -> SVBRDF:
    """Stocking stitch: columns of V-shaped loops, as many rows as columns; ``melange`` flecks the yarn.

    ``relief`` lets ``ribs`` ribs a tile stand out.
    """
    stray = 0.06 * fractal(canvas, low=1, high=20, falloff=0.8)
    side = (canvas.u * columns + stray) % 1.0
    arm = np.abs(side - 0.5)  # both legs of the V meet at 0
    row = (canvas.v * columns - 1.5 * arm + stray) % 1.0 - 0.5
    strand = np.clip(1.0 - (2.0 * row) ** 2, 0.0, 1.0) * np.clip(1.0 - (4.0 * arm - 1.0) ** 2, 0.0, 1.0)
    loops = strand**0.7
    twist = np.sin(2 * np.pi * (3.0 * row + 2.0 * arm))
    flecks = smoothstep(0.5, 1.6, fractal(canvas, low=10, falloff=0.2, stretch=(1, 2)))
    yarn = mix(linear(color), linear(melange), flecks)
    fuzz = fractal(canvas, low=16, falloff=0.2)
    rib = relief * smoothstep(0.0, 0.9, profile((canvas.u * ribs + 0.15 * stray) % 1.0 - 0.5))
    shading = (0.30 + 0.70 * smoothstep(0.0, 0.8, loops)) * (1 + 0.05 * twist) * (1.0 - 0.55 * (relief - rib))
    height = 0.12 / columns * loops + 0.0006 * twist * loops + 0.16 / ribs * rib
    return cloth(canvas, yarn, shading, fuzz, height)


def mesh(
    canvas: Canvas,
    *,
    color: Hex,
    accent: Hex,
    behind: Hex,
    eyelets: Count = 40,
    shape: Eyelet = "round",
    open_share: Share = 0.4,
    bands: Count = 1,
    banded: Share = 0.0,
    roughness: Share = 0.7,
) -> SVBRDF:
    """Tight mesh, closed to the light: ``eyelets`` across a tile, through which ``behind`` shows.

    The yarns blend ``color`` and ``accent``; ``banded``: how clearly in ``bands`` waves along v, with wider eyelets
    in between, as 3D knit has zones.
    """
    y = canvas.v * (eyelets + eyelets % 2)  # rows in pairs, so that the staggered ones meet around the tile
    x = canvas.u * eyelets + 0.5 * (np.floor(y) % 2) * (shape != "ladder")
    x, y = x % 1.0 - 0.5, y % 1.0 - 0.5
    wave = np.sin(2 * np.pi * bands * canvas.v + 0.5 * np.sin(2 * np.pi * canvas.u))
    size = 0.5 * np.sqrt(open_share) * (1.0 + 0.25 * banded * wave)
    distance = {
        "round": np.hypot(x, y),
        "ladder": np.maximum(np.abs(x) * 1.5, np.abs(y) * 0.8),
        "diamond": (np.abs(x) + np.abs(y)) * 0.8,
    }[shape]
    eyelet = smoothstep(0.12, -0.12, distance - size)
    yarns = fractal(canvas, low=8, high=90, falloff=0.3, stretch=(6, 1))
    blend = np.clip(0.5 + 0.5 * banded * np.tanh(2.0 * wave) + (1.0 - banded) * 0.22 * yarns, 0.0, 1.0)
    fuzz = fractal(canvas, low=24, falloff=0.1)
    surface = mix(mix(linear(color), linear(accent), blend), linear(behind), eyelet)
    height = 0.16 / eyelets * (1.0 - eyelet) + 0.0002 * fuzz
    return cloth(canvas, surface, 1.0 + 0.03 * yarns, fuzz, height, roughness)

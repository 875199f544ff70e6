"""Leather: pebbled, smooth and creased grain, suede."""

from __future__ import annotations

import numpy as np

from materials.color import FloatMap, linear, mix
from materials.maps import Surface
from materials.noise import Canvas, Cells, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share

__all__ = ["creased", "pebbled", "suede"]


def pebbled(canvas: Canvas, *, color: Hex, crease: Hex, pebbles: Count = 28, roughness: Share = 0.45) -> Surface:
    """Embossed full grain: rounded pebbles, ``pebbles`` across a tile, with ``crease`` colour between them."""
    cells = _wandering_cells(canvas, pebbles, 0.12)
    dome = smoothstep(0.0, 0.40, cells.border)
    tone = canvas.draw.normal(1.0, 0.04, pebbles**2)[cells.index]
    return _hide(canvas, mix(linear(crease), linear(color), dome) * tone[..., None], roughness, dome, 0.14 / pebbles)


def creased(canvas: Canvas, *, color: Hex, crease: Hex, wear: Share = 0.5, roughness: Share = 0.4) -> Surface:
    """Aniline leather: fine grain, soft folds, and with ``wear`` in [0, 1] lighter pull-up and cracks."""
    fine = smoothstep(0.0, 0.5, _wandering_cells(canvas, 40, 0.15).border)
    cracks = smoothstep(0.0, 0.06, _wandering_cells(canvas, 7, 0.3).border)
    folds = fractal(canvas, low=2, high=20, falloff=1.5, stretch=(1.0, 1.6))
    pull_up = smoothstep(-0.3, 1.6, fractal(canvas, low=1, high=14, falloff=1.1))
    base = linear(color) * (1.0 + 0.55 * wear * pull_up)[..., None]
    shown = (0.5 + 0.5 * fine) * (1.0 - wear * (1.0 - cracks))
    surface = _hide(canvas, mix(linear(crease), base, shown), roughness + 0.15 * wear * pull_up, fine, 0.0025)
    height = surface.height + 0.0035 * folds + 0.003 * wear * cracks
    return Surface(surface.color, surface.roughness, height, surface.metallic)


def suede(canvas: Canvas, *, color: Hex, nap: Share = 0.5) -> Surface:
    """Sueded leather: fine nap, darker and lighter where it was stroked; ``nap`` in [0, 1]."""
    fibre = fractal(canvas, low=24, falloff=0.2)
    stroke = np.tanh(fractal(canvas, low=1, high=32, falloff=1.5, stretch=(1, 1.8)))
    tone = 1.0 + nap * 0.16 * stroke + 0.07 * fibre
    rough = np.clip(0.92 + 0.03 * fibre, 0.0, 1.0)
    return Surface(linear(color) * tone[..., None], rough, 0.0006 * fibre, canvas.constant(0.0))


def _wandering_cells(canvas: Canvas, count: int, bend: float) -> Cells:
    """Worley cells with crooked borders: coordinates displaced by up to about ``bend`` cells."""
    u, v = (
        x + bend / count * fractal(canvas, low=count / 4, high=1.2 * count, falloff=0.8) for x in (canvas.u, canvas.v)
    )
    return worley(canvas.draw, u, v, count)


def _hide(canvas: Canvas, color: FloatMap, roughness: float | FloatMap, grain: FloatMap, depth: float) -> Surface:
    """Grain (n, n) in [0, 1] of ``depth`` tile edges under a finish: hollows are duller, the dye is uneven."""
    dye = fractal(canvas, low=1, high=10, falloff=1.0)
    pores = fractal(canvas, low=40, falloff=0.0)
    tone = 1.0 + 0.05 * dye + 0.02 * pores
    gloss = roughness + 0.15 * (1.0 - grain) + 0.02 * dye
    return Surface(color * tone[..., None], gloss, depth * grain + 0.0002 * pores, canvas.constant(0.0))

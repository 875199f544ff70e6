"""What every leather has: dye that lies unevenly, grain, creases, marks, stitches."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from materials.color import FloatMap
from materials.maps import SVBRDF
from materials.noise import Canvas, Cells, fractal, smoothstep, worley


def dyed(color: FloatMap, density: FloatMap) -> FloatMap:
    """(n, n, 3): a colour, (3,) or (n, n, 3), under more (> 0) or less (< 0) dye than usual.

    Dye absorbs as Beer and Lambert say, so that more of it is darker and richer, though the hide scatters half of
    that away; ``density`` (n, n) is the mean absorbance over the channels.
    """
    absorbance = -np.log(np.clip(color, 0.02, 0.97))
    share = 0.5 + 0.5 * absorbance / absorbance.mean(axis=-1, keepdims=True)
    return color * np.exp(-share * density[..., None])


def clouds(canvas: Canvas, stretch: tuple[float, float] = (1.0, 1.0)) -> FloatMap:
    """(n, n) unit noise of soft patches a tenth to half a tile across: how hides take dye."""
    return fractal(canvas, low=2, high=12, falloff=1.4, stretch=stretch)


def crease_net(canvas: Canvas, count: float, width: float, stretch: tuple[float, float] = (1.0, 1.0)) -> FloatMap:
    """(n, n) in [0, 1]: 1 on a net of crooked lines, about ``count`` meshes a tile, soft over ``width`` meshes."""
    waves = [fractal(canvas, low=0.6 * count, high=1.5 * count, falloff=0.5, stretch=stretch) for _ in range(2)]
    return np.exp(-((np.minimum(*np.abs(waves)) / (np.pi * width)) ** 2))


def fine_grain(canvas: Canvas, depth: float) -> FloatMap:
    """(n, n) grain in [0, 1] of hair cells, 60 a tile, with creases of ``depth`` between them."""
    return 1.0 - depth * crease_net(canvas, 60, 0.09)


def wandering_cells(canvas: Canvas, count: int, bend: float) -> Cells:
    """Worley cells with crooked borders: coordinates displaced by up to about ``bend`` cells."""
    u, v = (
        x + bend / count * fractal(canvas, low=count / 4, high=1.2 * count, falloff=0.8) for x in (canvas.u, canvas.v)
    )
    return worley(canvas.draw, u, v, count)


def scratches(canvas: Canvas, count: int, width: float) -> FloatMap:
    """(n, n) in [0, 1]: ``count`` slightly bent strokes, ``width`` tile edges wide, that fade towards their ends."""
    steps = np.linspace(-1.0, 1.0, 161)
    start = canvas.draw.uniform(0.0, 1.0, (count, 1, 2))
    length, angle, bend = (
        canvas.draw.uniform(low, high, (count, 1)) for low, high in ((0.02, 0.14), (0.0, 2 * np.pi), (-0.6, 0.6))
    )
    strength = canvas.draw.uniform(0.3, 1.0, (count, 1)) * (1.0 - steps**2)
    heading = angle + bend * steps
    points = start + length[..., None] * steps[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    tree = cKDTree(points.reshape(-1, 2) % 1.0, boxsize=np.ones(2))
    distance, index = tree.query(np.stack([canvas.u, canvas.v], axis=-1), distance_upper_bound=3 * width)
    return np.exp(-((distance / width) ** 2)) * np.append(strength.ravel(), 0.0)[index]


def stitches(across: FloatMap, along: FloatMap, width: float) -> FloatMap:
    """(n, n) in [0, 1]: 1 on the thread of a seam at ``across`` 0, one stitch for each unit of ``along``.

    ``across`` and ``width`` are in the same unit.
    """
    part = np.abs(along % 1.0 - 0.5)
    return smoothstep(width, 0.5 * width, np.abs(across)) * smoothstep(0.40, 0.30, part)


def hide(
    canvas: Canvas,
    color: FloatMap,
    roughness: float | FloatMap,
    grain: FloatMap,
    depth: float,
    mottle: float = 0.3,
) -> SVBRDF:
    """Grain (n, n) in [0, 1] of ``depth`` tile edges under a finish.

    Hollows are duller; the dye lies in clouds, ``mottle`` in [0, 1] strong, beside which pores hardly show.
    """
    dye = clouds(canvas)
    # A pale hide has little dye that could lie unevenly.
    load = min(-float(np.log(color.mean())), 1.0)
    pores = fractal(canvas, low=50, falloff=0.0)
    gloss = np.clip(roughness + 0.15 * (1.0 - grain) + 0.06 * mottle * dye, 0.05, 1.0)
    tinted = dyed(color, 0.17 * mottle * load * dye + 0.012 * pores)
    return SVBRDF(tinted, gloss, depth * grain + 0.00012 * pores, canvas.constant(0.0))


def raised(surface: SVBRDF, height: FloatMap) -> SVBRDF:
    """The same surface with ``height`` (n, n), in tile edges, added to its own."""
    return SVBRDF(surface.color, surface.roughness, surface.height + height, surface.metallic)

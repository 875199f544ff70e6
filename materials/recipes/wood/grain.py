"""Growth rings of sawn wood. The grain runs along v: Smart UV turns islands upright, so it follows legs and rails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from materials.color import FloatMap
from materials.noise import Canvas, fractal, smoothstep, worley

#: How the log was cut: across its radius (arches), askew, along its radius (lines), or peeled (plywood).
Cut = Literal["flat", "rift", "quarter", "rotary"]
#: Softwood darkens slowly towards a sharp end; pores crowd where a ring of oak begins; maple has fine lines.
Growth = Literal["softwood", "ring_porous", "diffuse"]


@dataclass(frozen=True)
class Pieces:
    """Pieces of wood side by side: which one is where, and where inside it.

    piece: (n, n), 0 to count - 1; x: (n, n) across u from the middle of its stave; edge: (n, n) distance to
    the nearest joint (both in tile edges); width: (n, n) of the stave.
    """

    piece: NDArray[np.int64]
    count: int
    x: FloatMap
    edge: FloatMap
    width: FloatMap

    def each(self, values: FloatMap) -> FloatMap:
        """(n, n): to every pixel the value of its piece."""
        return values[self.piece]


@dataclass(frozen=True)
class Knots:
    """near: (n, n) 1 inside a knot, 0 away from it; ring: (n, n) its own rings; shift: (n, n) how far it bends u."""

    near: FloatMap
    ring: FloatMap
    shift: FloatMap


def lay(canvas: Canvas, staves: int, lengths: int = 1, uneven: float = 0.0) -> Pieces:
    """``staves`` strips along v, each cut into ``lengths`` pieces (1: endless), their ends staggered."""
    widths = 1.0 + uneven * canvas.draw.uniform(-1.0, 1.0, staves)
    ends = np.cumsum(widths / widths.sum())
    ends[-1] = 1.0
    width = np.diff(ends, prepend=0.0)
    across = (canvas.u + canvas.draw.uniform(0.2, 0.8) * width[0]) % 1.0
    stave = np.searchsorted(ends, across, side="right")
    x = across - (ends - width / 2)[stave]
    edge = width[stave] / 2 - np.abs(x)
    if lengths == 1:
        return Pieces(stave, staves, x, edge, width[stave])
    along = canvas.v * lengths + (canvas.draw.permutation(staves) / staves + canvas.draw.uniform())[stave]
    end = (0.5 - np.abs(along % 1.0 - 0.5)) / lengths
    piece = stave * lengths + np.floor(along).astype(int) % lengths
    return Pieces(piece, staves * lengths, x, np.minimum(edge, end), width[stave])


def growth_phase(canvas: Canvas, pieces: Pieces, rings: int, cut: Cut, knots: Knots | None = None) -> FloatMap:
    """(n, n) position across the growth rings, in rings; ``rings`` a tile where they are cut at right angles.

    A ring is a slim cone around the pith: a saw cuts it in a hyperbola, the arch of flat-sawn wood.
    """
    draw, count = canvas.draw, pieces.count
    wander = fractal(canvas, high=9, falloff=1.3, stretch=(1, 5))
    tremor = fractal(canvas, low=10, high=100, falloff=0.8, stretch=(1, 20))
    bend = fractal(canvas, high=5, falloff=2.0, stretch=(1, 2))
    start, side = draw.uniform(0.0, 1.0, count), draw.choice([-1.0, 1.0], count)
    if cut == "rotary":
        return rings * (0.10 * bend + 0.05 * wander) + 0.07 * tremor + pieces.each(start)
    away = {"flat": 0.28 * draw.uniform(0.0, 1.0, count), "rift": draw.uniform(0.9, 1.5, count)}.get(
        cut, 6.0 + 0 * side
    )
    x = pieces.x + 0.014 * wander + 0.008 * bend
    if knots is not None:
        x = x + knots.shift
    depth = pieces.width * pieces.each(draw.uniform(0.2, 0.45, count))
    radius = np.sqrt((x - pieces.each(away * side) * pieces.width) ** 2 + depth**2)
    # Whole rings a tile, or the tile would have a seam.
    taper = np.round(rings * draw.uniform(0.04, 0.08, count)) if cut == "flat" else draw.integers(0, 2, count)
    climb = pieces.each(taper * draw.choice([-1.0, 1.0], count))
    return rings * radius + climb * canvas.v + 0.2 * wander + 0.1 * tremor + pieces.each(start)


def ring_profile(phase: FloatMap, growth: Growth) -> FloatMap:
    """(n, n) in [0, 1]: how dark a ring is at ``phase``."""
    t = phase % 1.0
    if growth == "softwood":
        return t**2 * smoothstep(1.0, 0.82, t) * 1.3
    if growth == "ring_porous":
        return (1.0 - t) ** 1.8 * smoothstep(0.0, 0.16, t) * 1.3
    return t**3 * smoothstep(1.0, 0.75, t) * 1.4 + 0.12 * (1.0 - np.cos(2 * np.pi * t))


def grow_knots(canvas: Canvas, cells: int, share: float, size: float) -> Knots:
    """Knots of radius ``size`` (tile edges) in a ``share`` of ``cells`` x ``cells`` cells."""
    bend = 0.012 * fractal(canvas, low=2, high=16, falloff=1.2)
    corner = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), axis=-1).reshape(-1, 2)
    centre = (corner + canvas.draw.uniform(0.2, 0.8, corner.shape)) / cells
    radius = size * canvas.draw.uniform(0.5, 1.1, len(centre))
    near, ring, shift = canvas.constant(0.0), canvas.constant(0.0), canvas.constant(0.0)
    for (u, v), r in zip(centre, radius, strict=True):
        if canvas.draw.random() >= share:
            continue
        dx = (canvas.u - u + 0.5) % 1.0 - 0.5
        dy = (canvas.v - v + 0.5) % 1.0 - 0.5
        distance = np.hypot(dx, dy * 0.75) * (1.0 + 0.25 * bend / 0.012) / r
        inside = smoothstep(1.15, 0.85, distance)
        near = np.maximum(near, inside)
        ring = ring + inside * (0.5 - 0.5 * np.cos(2 * np.pi * 2.5 * distance))
        shift = shift - 0.85 * dx * np.exp(-((dx / (2.2 * r)) ** 2) - (dy / (5.5 * r)) ** 2)
    return Knots(near, ring, shift)


def ray_flecks(canvas: Canvas) -> FloatMap:
    """(n, n) in [0, 1]: medullary rays of quarter-sawn oak, shining ribbons that cross the grain."""
    field = fractal(canvas, low=10, high=90, falloff=0.5, stretch=(2.2, 1))
    cluster = fractal(canvas, low=1, high=8, falloff=0.8, stretch=(1, 2))
    return smoothstep(0.5, 1.3, field + 0.6 * cluster)


def dashes(canvas: Canvas) -> FloatMap:
    """(n, n) in [0, 1]: cut rays of beech and plane, short dark dashes along the grain."""
    return smoothstep(1.0, 1.9, fractal(canvas, low=30, falloff=-0.2, stretch=(1, 4)))


def ribbons(canvas: Canvas) -> FloatMap:
    """(n, n) in [-1, 1]: stripes of interlocked grain, which lean to and from the eye."""
    return np.tanh(1.2 * fractal(canvas, low=5, high=26, falloff=0.3, stretch=(1, 9)))


def curls(canvas: Canvas, waves: int) -> FloatMap:
    """(n, n) in [-1, 1]: wavy grain (fiddleback), ``waves`` bars a tile across the grain."""
    stray = fractal(canvas, low=1, high=8, falloff=1.2, stretch=(1, 2))
    strength = smoothstep(-1.2, 1.0, fractal(canvas, low=2, high=12, falloff=0.6, stretch=(1, 1.5)))
    return np.sin(2 * np.pi * (waves * canvas.v + 0.5 * stray)) * strength


def birds_eyes(canvas: Canvas, cells: int) -> FloatMap:
    """(n, n) in [-1, 1]: dark dimples with a bright rim, in some of ``cells`` x ``cells`` cells."""
    jitter = 0.08 / cells * fractal(canvas, low=20, high=100, falloff=0.8)
    cell = worley(canvas.draw, canvas.u + jitter, canvas.v + jitter, cells)
    seen = canvas.draw.uniform(0.0, 1.0, cells**2)[cell.index] < 0.6
    dot, rim = np.exp(-((cell.nearest / 0.14) ** 2)), np.exp(-(((cell.nearest - 0.3) / 0.12) ** 2))
    return seen * (0.5 * rim - dot)

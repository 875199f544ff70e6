"""Periodic noise on the unit tile. Every function repeats with period 1 in u and v.

Fields are sampled at u = column/size, v = -row/size (modulo 1), so a smaller map holds exactly every
second value of the next larger one: the size never changes the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from materials.color import FloatMap

#: Highest frequency of ``fractal``, in cycles a tile; a map must have twice as many pixels.
CUTOFF = 128
MIN_SIZE = 2 * CUTOFF


@dataclass(frozen=True)
class Canvas:
    """Where a recipe draws: the map's edge in pixels (at least MIN_SIZE) and the material's own generator."""

    size: int
    draw: np.random.Generator

    @property
    def u(self) -> FloatMap:
        """(n, n) coordinate to the right, in [0, 1)."""
        return np.tile(np.arange(self.size) / self.size, (self.size, 1))

    @property
    def v(self) -> FloatMap:
        """(n, n) coordinate upward, in [0, 1)."""
        return np.tile((-np.arange(self.size) % self.size / self.size)[:, None], (1, self.size))

    def constant(self, value: float) -> FloatMap:
        return np.full((self.size, self.size), value)


def fractal(
    canvas: Canvas,
    low: float = 1.0,
    high: float = CUTOFF,
    falloff: float = 1.0,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> FloatMap:
    """(n, n) Gaussian noise of mean 0 and expected variance 1, by spectral synthesis.

    The amplitude at frequency k (cycles a tile) is k**-falloff for low <= k < high, else 0: falloff 0
    is white, 1 pink, 2 smooth. ``stretch`` makes features that many times longer along (u, v).
    """
    frequency = np.arange(1 - CUTOFF, CUTOFF)
    k = np.hypot(frequency[None, :] * stretch[0], frequency[:, None] * stretch[1])
    inside = (k >= low) & (k < high)
    amplitude = np.where(inside, np.where(inside, k, 1.0) ** -falloff, 0.0)
    noise = canvas.draw.standard_normal((2, *k.shape))
    spectrum = np.zeros((canvas.size, canvas.size), dtype=np.complex128)
    spectrum[np.ix_(frequency % canvas.size, frequency % canvas.size)] = amplitude * (noise[0] + 1j * noise[1])
    return np.fft.ifft2(spectrum).real * canvas.size**2 / np.sqrt((amplitude**2).sum())


@dataclass(frozen=True)
class Cells:
    """Worley noise: (n, n) distances to the nearest and second nearest point, in mean cell edges, and which."""

    nearest: FloatMap
    second: FloatMap
    index: NDArray[np.int64]

    @property
    def border(self) -> FloatMap:
        """0 on the border between two cells, about 1 at their centres."""
        return self.second - self.nearest


def worley(draw: np.random.Generator, u: FloatMap, v: FloatMap, cells: int) -> Cells:
    """Cells around ``cells`` x ``cells`` jittered points, evaluated at (u, v), which may leave the tile."""
    corner = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), axis=-1).reshape(-1, 2)
    points = (corner + draw.uniform(0.0, 1.0, corner.shape)) / cells
    tree = cKDTree(points, boxsize=np.ones(2))
    found = tree.query(np.stack([u, v], axis=-1), k=2)
    distance, index = np.asarray(found[0], dtype=np.float64) * cells, np.asarray(found[1], dtype=np.int64)
    return Cells(distance[..., 0], distance[..., 1], index[..., 0])


def smoothstep(low: float, high: float, value: FloatMap) -> FloatMap:
    """0 below ``low``, 1 above ``high``, a cubic with zero slope at both ends in between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)

"""Marks that furniture gets in making and in use: scratches, fibres, stains of a given share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import ndtri

from materials.color import FloatMap
from materials.noise import Canvas, smoothstep

#: Distance between the points that stand for a stroke, in tile edges: half a pixel of the smallest map.
_SPACING = 0.002
#: Beyond this distance, in tile edges, there is no stroke.
_REACH = 0.008


@dataclass(frozen=True)
class Strokes:
    """(n, n) distance to the nearest stroke's axis in tile edges (infinite beyond 0.008), and which stroke."""

    distance: FloatMap
    index: NDArray[np.int64]

    def line(self, width: float) -> FloatMap:
        """1 on the axes, 0 from ``width`` / 2 (in tile edges) outward."""
        return smoothstep(width / 2, 0.0, self.distance)


def strokes(
    canvas: Canvas, count: int, length: tuple[float, float], bend: float = 0.3, spread: float = np.pi
) -> Strokes:
    """``count`` arcs that begin anywhere, of lengths between the two given in tile edges.

    ``bend``: typical angle between the ends, in radians; ``spread``: how far the directions stray from that of v.
    """
    steps = int(np.ceil(length[1] / _SPACING))
    heading = np.pi / 2 + canvas.draw.uniform(-spread, spread, (count, 1))
    heading = heading + canvas.draw.normal(0.0, bend, (count, 1)) * np.linspace(0.0, 1.0, steps)
    step = canvas.draw.uniform(*length, (count, 1)) / steps
    start = canvas.draw.uniform(0.0, 1.0, (count, 1, 2))
    points = start + np.cumsum(np.stack([step * np.cos(heading), step * np.sin(heading)], axis=-1), axis=1)
    # The tree refuses 1.0, which is what the remainder of a tiny negative number rounds to.
    wrapped = points.reshape(-1, 2) % 1.0 % 1.0
    tree = cKDTree(wrapped, boxsize=np.ones(2))
    found = tree.query(np.stack([canvas.u, canvas.v], axis=-1), distance_upper_bound=_REACH)
    # Out of reach the tree answers with the number of its points: any stroke will do there.
    return Strokes(np.asarray(found[0], dtype=np.float64), np.asarray(found[1], dtype=np.int64) // steps % count)


def scratches(canvas: Canvas, amount: float) -> FloatMap:
    """(n, n) in [0, 1]: up to 160 (``amount`` 1) fine scratches in all directions, some deep, most faint."""
    count = 1 + round(159 * amount)
    drawn = strokes(canvas, count, (0.02, 0.16), bend=0.15)
    depth = canvas.draw.uniform(0.3, 1.0, count) ** 3
    return drawn.line(0.007) * depth[drawn.index]


def covered(noise: FloatMap, share: float, soft: float = 0.1) -> FloatMap:
    """1 on about the ``share`` of a Gaussian (n, n) noise that is highest, 0 elsewhere, ``soft`` at the border."""
    threshold = float(ndtri(1.0 - np.clip(share, 1e-4, 1.0 - 1e-4)))
    return smoothstep(threshold - soft, threshold + soft, noise)

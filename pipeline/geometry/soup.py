"""Triangles of several parts as one, which is what rays and samples meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Soup:
    """Parts flattened into one triangle soup, for ray casting and sampling.

    vertices: (n, 3) float64; faces: (m, 3) int64; part_ids: (m,) uint16, the part of every face.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    part_ids: NDArray[np.uint16]

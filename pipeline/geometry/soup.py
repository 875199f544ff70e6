"""Triangles of several parts as one, which is what rays and samples meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.format.schema import Mesh


@dataclass(frozen=True)
class Soup:
    """Parts flattened into one triangle soup, for ray casting and sampling.

    vertices: (n, 3) float64; faces: (m, 3) int64; part_ids: (m,) uint16, the part of every face.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    part_ids: NDArray[np.uint16]


def soup_of(mesh: Mesh) -> Soup:
    """The triangles that a shard holds of a shape."""
    return Soup(mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64), mesh.part_ids)

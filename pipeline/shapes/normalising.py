"""The unit frame of ``docs/conventions.md``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from pipeline.shapes.shape import make_mesh


def to_unit_frame(meshes: Sequence[trimesh.Trimesh]) -> list[trimesh.Trimesh]:
    """Bounding-box centre of all triangles to the origin, their farthest vertex to distance 1; axes stay.

    Raises ValueError for meshes that are all one point, or too large for float64.
    """
    corners = np.concatenate([mesh.vertices[np.unique(mesh.faces)] for mesh in meshes])
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = float(np.linalg.norm(corners - centre, axis=1).max())
    if not 0 < radius < np.inf:
        raise ValueError(f"its triangles span {radius:g} around {centre}")
    return [make_mesh((mesh.vertices - centre) / radius, mesh.faces) for mesh in meshes]

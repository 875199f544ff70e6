"""Whether positions lie on a mesh, on the parts that are said to be there."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, UInt16

from pipeline.format.cameras import cross
from pipeline.format.schema import Mesh


class Surface:
    """The triangles of a sound mesh, part by part.

    low, high: corners (part, 3) of the bounding boxes of its parts, in the order of their ids.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._corners = mesh.vertices.astype(np.float64)[mesh.faces]
        self._low, self._high = self._corners.min(axis=1), self._corners.max(axis=1)
        self.part_ids, first = np.unique(mesh.part_ids, return_index=True)
        self._parts = dict(zip(self.part_ids.tolist(), map(slice, first, [*first[1:], len(mesh.faces)]), strict=True))
        self.low, self.high = np.minimum.reduceat(self._low, first), np.maximum.reduceat(self._high, first)

    def holds(
        self, positions: Float64[np.ndarray, "point 3"], part_ids: UInt16[np.ndarray, " point"], tolerance: float
    ) -> Bool[np.ndarray, " point"]:
        """Which positions are no farther than ``tolerance`` from the part that is said to be there."""
        found = np.zeros(len(positions), dtype=bool)
        for part in np.unique(part_ids).tolist():
            own, faces = np.flatnonzero(part_ids == part), self._parts.get(part, slice(0))
            xyz, low, high = positions[own], self._low[faces] - tolerance, self._high[faces] + tolerance
            # Along one axis alone first: that leaves few pairs.
            point, face = np.nonzero((xyz[:, None, 0] >= low[:, 0]) & (xyz[:, None, 0] <= high[:, 0]))
            near = ((xyz[point] >= low[face]) & (xyz[point] <= high[face])).all(axis=1)
            point, face = point[near], face[near]
            found[own[point[distances(xyz[point], self._corners[faces][face]) <= tolerance]]] = True
        return found


def distances(
    positions: Float[np.ndarray, "point 3"], corners: Float[np.ndarray, "point 3 3"]
) -> Float64[np.ndarray, " point"]:
    """From each position to its own triangle, by its three corners.

    >>> corner = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]] * 2)
    >>> distances(np.array([[0.2, 0.2, 0.5], [3, 0, 0]]), corner).tolist()
    [0.5, 2.0]
    """
    edges = np.roll(corners, -1, axis=1) - corners
    offsets = positions[:, None] - corners
    normals = cross(edges[:, 0], edges[:, 1])
    lengths = np.linalg.norm(normals, axis=1)
    over = ((normals[:, None] * cross(edges, offsets)).sum(axis=2) >= 0).all(axis=1) & (lengths > 0)
    along = (offsets * edges).sum(axis=2) / np.maximum((edges * edges).sum(axis=2), np.finfo(np.float64).tiny)
    rim = np.linalg.norm(offsets - np.clip(along, 0, 1)[..., None] * edges, axis=2).min(axis=1)
    plane = np.abs((normals * offsets[:, 0]).sum(axis=1)) / np.where(lengths > 0, lengths, 1)
    return np.where(over, plane, rim)

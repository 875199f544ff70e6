"""The shape as every later room sees it: named, labelled parts in the unit frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.geometry.soup import Soup

Hardness = Literal["hard", "soft"]


@dataclass(frozen=True)
class Part:
    """One leaf of the part tree.

    part_id: 1-based index in its shape; the value that part-id images hold (0 is background).
    label: path from the root, e.g. ``chair/chair_base/regular_leg_base/leg``.
    instance: 0-based number among the shape's parts with the same label, in tree order.
    node_path: ids of the tree nodes from the root to this leaf (root first), so that any inner node
        (a whole arm) is the set of parts whose path passes through it.
    mesh: triangles in the shape's frame; never empty.
    hardness: ``hard``/``soft`` when the source says so, else None.
    mending: what was done to the mesh on the way in, human-readable, e.g. ``removed 12 doubled faces``.
    """

    part_id: int
    label: str
    instance: int
    node_path: tuple[int, ...]
    mesh: trimesh.Trimesh
    hardness: Hardness | None = None
    mending: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Unique node name inside the shape, e.g. ``part_007``."""
        return f"part_{self.part_id:03d}"


@dataclass(frozen=True)
class Shape:
    """A reference shape: parts in the unit frame of ``docs/conventions.md``.

    The frame is right-handed, +Y up, back toward -Z, bounding-box centre at the origin, farthest
    vertex at distance 1. ``parts[i].part_id == i + 1``.
    """

    shape_id: str
    model_id: str
    category: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = field(default=())

    def part(self, part_id: int) -> Part:
        return self.parts[part_id - 1]


def flatten(meshes: Iterable[tuple[int, trimesh.Trimesh]]) -> Soup:
    """Join ``(part_id, mesh)`` pairs into one soup, in the order given."""
    vertices: list[NDArray[np.float64]] = [np.zeros((0, 3))]
    faces: list[NDArray[np.int64]] = [np.zeros((0, 3), dtype=np.int64)]
    ids: list[NDArray[np.uint16]] = [np.zeros(0, dtype=np.uint16)]
    offset = 0
    for part_id, mesh in meshes:
        vertices.append(np.asarray(mesh.vertices, dtype=np.float64))
        faces.append(np.asarray(mesh.faces, dtype=np.int64) + offset)
        ids.append(np.full(len(mesh.faces), part_id, dtype=np.uint16))
        offset += len(mesh.vertices)
    return Soup(np.concatenate(vertices), np.concatenate(faces), np.concatenate(ids))


def make_mesh(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> trimesh.Trimesh:
    """A trimesh that keeps vertices and faces exactly as given (no merging, no reordering)."""
    return trimesh.Trimesh(vertices=vertices, faces=faces, process=False, validate=False)

"""Connected pieces of parts: splitting, joining, and what holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from trimesh.sample import sample_surface

from pipeline.anomalies.proving.measure import CONTACT, SAMPLES, Points, join
from pipeline.connectivity import components
from pipeline.shapes.shape import make_mesh

#: A fragment with a smaller share of the target's area is a crumb.
CRUMB = 0.005


@dataclass(frozen=True, eq=False)
class Piece:
    """A connected piece of a part.

    component: number of the connected component of the intact target that it is, or was cut from.
    original_area: area of the intact surface that it still has; volume: None where it is not closed.
    """

    mesh: trimesh.Trimesh
    part_id: int
    component: int
    original_area: float
    volume: float | None

    def remnant(self, mesh: trimesh.Trimesh, original_area: float, volume: float | None) -> Piece:
        """What a cut left of this piece."""
        return replace(self, mesh=mesh, original_area=original_area, volume=volume)


def submesh(mesh: trimesh.Trimesh, faces: NDArray[np.int64]) -> trimesh.Trimesh:
    """A mesh of some faces (m, 3) of another, without the vertices that they do not use."""
    used, inverse = np.unique(faces, return_inverse=True)
    return make_mesh(np.asarray(mesh.vertices)[used], inverse.reshape(-1, 3))


def split(mesh: trimesh.Trimesh) -> list[trimesh.Trimesh]:
    """Components joined by edges that exactly two faces share, in the order of their first faces.

    Walls that meet in one edge (three faces or more) come apart there, so that every component is
    a manifold, perhaps with boundary.
    """
    if len(mesh.faces) == 0:
        return []
    labels = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(labels))[:-1])
    return [submesh(mesh, mesh.faces[group]) for group in groups]


def supported(pieces: Sequence[Piece], rest: Points, random: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) True for pieces that touch the rest of the object, (m, 3) sampled, or are held by one that does.

    Pieces cut from one component lie apart, however narrow the cut: they do not hold each other.
    """
    points, owner = _sample_pieces(pieces, random)
    component = np.array([piece.component for piece in pieces])
    pairs = owner[cKDTree(points).query_pairs(CONTACT, output_type="ndarray")]
    pairs = pairs[component[pairs[:, 0]] != component[pairs[:, 1]]]
    grounded = np.unique(owner[cKDTree(rest).query(points, distance_upper_bound=CONTACT)[0] < CONTACT])
    ground = len(pieces)
    held_down = np.column_stack([grounded, np.full(len(grounded), ground)])
    cluster = components(np.vstack([pairs, held_down]), ground + 1)
    return np.asarray(cluster[:ground] == cluster[ground])


def held(
    intact: Sequence[Piece], left: Sequence[Piece], rest: Points, random: np.random.Generator
) -> NDArray[np.bool_]:
    """(n,) True for pieces ``left`` that the rest of the object (m, 3) holds as it held their component.

    Where the intact part touched nothing, its largest piece is what holds the others.
    """
    if not left:
        return np.zeros(0, dtype=bool)
    held_before = supported(intact, rest, random)
    if not held_before.any():
        largest = max(left, key=lambda piece: piece.original_area)
        rest, held_before = np.asarray(largest.mesh.vertices), np.ones(len(intact), dtype=bool)
    floated = {piece.component for piece, was_held in zip(intact, held_before, strict=True) if not was_held}
    return supported(left, rest, random) | np.array([piece.component in floated for piece in left])


def crumbs(intact: Sequence[Piece], left: Sequence[Piece]) -> NDArray[np.bool_]:
    """(n,) True for pieces of components that fell apart, too small to be told from noise."""
    siblings = Counter(piece.component for piece in left)
    smallest = CRUMB * sum(piece.original_area for piece in intact)
    return np.array([siblings[p.component] > 1 and p.original_area < smallest for p in left], dtype=bool)


def assemble(part_ids: Iterable[int], pieces: Sequence[Piece]) -> Mapping[int, trimesh.Trimesh | None]:
    """Every part's pieces in one mesh, or None where it has none."""
    meshes = {i: [piece.mesh for piece in pieces if piece.part_id == i] for i in part_ids}
    return {i: join(own) if own else None for i, own in meshes.items()}


def _sample_pieces(pieces: Sequence[Piece], random: np.random.Generator) -> tuple[Points, NDArray[np.int64]]:
    """Points (n, 3) by area, and a vertex of every piece, so that none is overlooked; and whose they are."""
    face_owner = np.repeat(np.arange(len(pieces)), [len(piece.mesh.faces) for piece in pieces])
    sampled, faces = sample_surface(join(piece.mesh for piece in pieces), SAMPLES, seed=random)
    corners = np.array([piece.mesh.vertices[piece.mesh.faces[0, 0]] for piece in pieces])
    return np.vstack([sampled, corners]), np.concatenate([face_owner[faces], np.arange(len(pieces))])

"""What stands on the ground, directly or by what it touches, and what hangs in the air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.anomalies.proving.measure import Points, sample_faces
from pipeline.connectivity import components, face_components

#: Pieces hold each other where sampled points are so near; a little more than for a contact, since one point decides.
HOLD = 0.04
#: What reaches within this of the intact object's lowest point stands on the ground: casters and feet differ a little.
GROUND = 0.05


@dataclass(frozen=True)
class Pieces:
    """The connected pieces of a surface, sampled.

    points: (n, 3) by area, and a vertex of every piece, so that none is overlooked; faces: (n,) those
    they lie on; owner: (n,) whose they are; areas: (k,); lowest: (k,) smallest y.
    """

    points: Points
    faces: NDArray[np.int64]
    owner: NDArray[np.int64]
    areas: NDArray[np.float64]
    lowest: NDArray[np.float64]


def find_pieces(mesh: trimesh.Trimesh, count: int, random: np.random.Generator) -> Pieces:
    """Pieces whose faces share vertices, sampled at ``count`` points in all."""
    faces = np.asarray(mesh.faces)
    piece = face_components(faces)
    first = np.unique(piece, return_index=True)[1]
    lowest = np.full(len(first), np.inf)
    np.minimum.at(lowest, piece, mesh.vertices[:, 1][faces].min(axis=1))
    points, face = sample_faces(mesh, count, random)
    return Pieces(
        points=np.vstack([points, mesh.vertices[faces[first, 0]]]),
        faces=np.concatenate([face, first]),
        owner=np.concatenate([piece[face], np.arange(len(first))]),
        areas=np.asarray(np.bincount(piece, weights=mesh.area_faces), dtype=np.float64),
        lowest=lowest,
    )


def touching(pieces: Pieces) -> NDArray[np.int64]:
    """(m, 2) numbers of pieces that touch, each pair once."""
    return _distinct(pieces.owner[cKDTree(pieces.points).query_pairs(HOLD, output_type="ndarray")])


def touching_across(first: Pieces, second: Pieces) -> NDArray[np.int64]:
    """(m, 2) pieces of the first and of the second that touch, the second's numbered on from the first's."""
    near = cKDTree(second.points).sparse_distance_matrix(cKDTree(first.points), HOLD, output_type="ndarray")
    return _distinct(np.column_stack([first.owner[near["j"]], second.owner[near["i"]] + len(first.areas)]))


def hanging(surfaces: Sequence[Pieces], links: Sequence[NDArray[np.int64]], ground: float) -> NDArray[np.bool_]:
    """(k,) True for pieces, numbered on from surface to surface, that hang in the air.

    They do where no chain of touching ``links`` (m, 2) holds them to the ground, at y = ``ground``. Where
    nothing reaches the ground, as in a chair without its base, the largest cluster is what stands.
    """
    areas = np.concatenate([s.areas for s in surfaces])
    lowest = np.concatenate([s.lowest for s in surfaces])
    cluster = components(np.vstack(links), len(areas))
    standing = np.unique(cluster[lowest < ground + GROUND])
    if len(standing) == 0:
        standing = np.array([np.bincount(cluster, weights=areas).argmax()])
    return np.asarray(~np.isin(cluster, standing))


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.asarray(np.unique(np.sort(pairs, axis=1), axis=0)) if len(pairs) else pairs.reshape(0, 2)

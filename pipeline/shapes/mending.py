"""Cleaning one raw mesh: every triangle is kept, or dropped for a reason that is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import networkx as nx
import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.connectivity import components, grouped
from pipeline.format.cameras import cross
from pipeline.geometry.raycast import RayScene
from pipeline.shapes.shape import flatten, make_mesh

#: A triangle flatter than this (twice its area over its longest edge squared) has no direction to face.
FLATNESS = 1e-9

#: Which side of an open surface is outside: triangles that vote, where their rays start (source units,
#: PartNet's radius is about 1), and the rays' directions, spread evenly over the sphere.
VOTERS, START = 64, 1e-4
_TURN, _HEIGHT = np.arange(32) * np.pi * (3 - np.sqrt(5)), (np.arange(32) + 0.5) / 16 - 1
DIRECTIONS = np.stack(
    [np.cos(_TURN) * np.sqrt(1 - _HEIGHT**2), np.sin(_TURN) * np.sqrt(1 - _HEIGHT**2), _HEIGHT], axis=1
)


@dataclass(frozen=True)
class Mended:
    """A cleaned mesh and how many raw triangles were dropped or turned, by reason."""

    mesh: trimesh.Trimesh
    counts: Counter[str]


def mend(raw: trimesh.Trimesh, merge_distance: float) -> Mended:
    """Merge coincident vertices, drop zero-area and doubled faces, wind consistently and outward.

    ``raw`` has finite vertices and at least one face. The count of raw faces equals the count of
    kept faces plus ``zero-area faces`` plus ``doubled faces``. Boundary edges stay open: closing
    holes is for the operations that need it.
    """
    counts: Counter[str] = Counter()
    faces = np.asarray(raw.faces, dtype=np.int64)
    vertices, faces = _merge_vertices(np.asarray(raw.vertices, dtype=np.float64), faces, merge_distance)
    keep = _has_area(vertices, faces)
    counts["zero-area faces"] = int((~keep).sum())
    faces = faces[keep]
    # PartNet's original-*.obj hold every face twice, once in each winding: the same three corners.
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    counts["doubled faces"] = len(faces) - len(first)
    faces = faces[np.sort(first)]
    used, inverse = np.unique(faces, return_inverse=True)
    mesh, turned = _orient(make_mesh(vertices[used], inverse.reshape(-1, 3)))
    counts["turned faces"] = turned
    return Mended(mesh, +counts)


def _merge_vertices(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], distance: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if distance <= 0:
        return vertices, faces
    _, first, inverse = np.unique(np.round(vertices / distance), axis=0, return_index=True, return_inverse=True)
    return vertices[first], inverse.reshape(-1)[faces]


def _has_area(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    corners = vertices[faces]
    edges = corners - np.roll(corners, 1, axis=1)
    longest = (edges**2).sum(axis=2).max(axis=1)
    doubled_area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    return doubled_area > FLATNESS * np.maximum(longest, np.finfo(float).tiny)


def _orient(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, int]:
    """Wind every connected component consistently and outward, closed or open.

    Components meet at edges of more than two faces; smooth shading needs their windings to agree there too.
    """
    before = np.asarray(mesh.faces)
    faces = _wound_alike(mesh)
    vertices = np.asarray(mesh.vertices)
    boundary = _boundary_faces(faces)
    scene = RayScene(flatten([(1, mesh)]))
    for members in grouped(components(mesh.face_adjacency, len(faces))):
        triangles = vertices[faces[members]]
        outward = _outside_vote(scene, triangles) if boundary[members].any() else _signed_volume(triangles)
        if outward < 0:
            faces[members] = faces[members][:, ::-1]
    turned = int((faces != before).any(axis=1).sum())
    return make_mesh(vertices, faces), turned


def _wound_alike(mesh: trimesh.Trimesh) -> NDArray[np.int64]:
    """(m, 3) faces, turned where they are not wound as the neighbour that they are reached from.

    What ``trimesh.repair.fix_winding`` gives, which looks for the shared edge of each two faces anew.
    """
    faces = np.array(mesh.faces, dtype=np.int64)
    pairs = np.asarray(mesh.face_adjacency)
    along_first, along_second = (_runs_along(faces[side], mesh.face_adjacency_edges) for side in pairs.T)
    clash = along_first == along_second
    if not clash.any():
        return faces
    graph = nx.Graph()
    graph.add_edges_from((a, b, {"clash": c}) for (a, b), c in zip(pairs.tolist(), clash.tolist(), strict=True))
    clashing = set(pairs[clash].ravel().tolist())
    turned = np.zeros(len(faces), dtype=bool)
    for members in nx.connected_components(graph):
        if not clashing.isdisjoint(members):
            start = next(iter(graph.subgraph(members)))
            for near, far in nx.bfs_edges(graph, start):
                turned[far] = turned[near] != graph[near][far]["clash"]
    faces[turned] = faces[turned][:, ::-1]
    return faces


def _runs_along(faces: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) True for faces (n, 3) in which the second corner of their edge (n, 2) comes next after the first."""
    first = (faces == edges[:, :1]).argmax(axis=1)
    return np.asarray(faces[np.arange(len(faces)), (first + 1) % 3] == edges[:, 1])


def _outside_vote(scene: RayScene, triangles: NDArray[np.float64]) -> float:
    """Positive when more rays escape from the front of an open surface than from its back.

    An open surface encloses nothing, so its outside is where one can look away from it. Rays start at
    the centres of its largest triangles, (n, 3, 3), and count by area; 0 for a free sheet, both sides alike.
    """
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    doubled_area = np.linalg.norm(normals, axis=1)
    largest = np.argsort(-doubled_area, kind="stable")[:VOTERS]
    unit = normals[largest] / doubled_area[largest, None]
    centres = triangles[largest].mean(axis=1)
    front = DIRECTIONS * np.sign(unit @ DIRECTIONS.T)[..., None]
    facing = np.stack([front, -front])
    starts = np.stack([centres + START * unit, centres - START * unit])
    origins = np.broadcast_to(starts[:, :, None], facing.shape)
    escapes = ~scene.hits(origins.reshape(-1, 3), facing.reshape(-1, 3))
    from_front, from_back = escapes.reshape(2, len(largest), -1).sum(axis=2)
    return float((from_front - from_back).astype(np.float64) @ doubled_area[largest])


def _boundary_faces(faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for faces with an edge that is not shared by exactly two faces."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, inverse, count = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    return (count[inverse.reshape(-1)] != 2).reshape(-1, 3).any(axis=1)


def _signed_volume(triangles: NDArray[np.float64]) -> float:
    a, b, c = (triangles - triangles.mean(axis=(0, 1))).swapaxes(0, 1)
    return float(np.einsum("ij,ij->", a, cross(b, c)) / 6.0)

"""Mending a shell, and closing it for as long as a Boolean needs it closed."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.grouping import unique_rows

from pipeline.anomalies import meshlab
from pipeline.shapes.shape import make_mesh

#: Vertices nearer than this, in object radii, are one vertex to a person.
MERGE = 3e-4


def boundary_edges(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """(k, 2) edges that only one of the faces (m, 3) has, directed as in that face."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, index = unique_rows(np.sort(edges, axis=1))
    return edges[np.bincount(index, minlength=1)[index] == 1]


def boundary_loops(faces: NDArray[np.int64]) -> list[list[int]]:
    """Simple loops of boundary edges, as vertex indices, each running as its faces' edges do.

    ``faces`` (m, 3) are wound consistently and have at most two faces an edge. A vertex where the
    boundary touches itself starts a loop of its own.
    """
    following: dict[int, list[int]] = defaultdict(list)
    for start, end in boundary_edges(faces).tolist():
        following[start].append(end)
    loops = []
    for first in list(following):
        path = [first]
        position = {first: 0}
        while following[path[-1]]:
            vertex = following[path[-1]].pop()
            if vertex in position:
                loop = path[position[vertex] :]
                loops.append(loop)
                path = path[: position[vertex] + 1]
                position = {v: i for i, v in enumerate(path)}
            else:
                position[vertex] = len(path)
                path.append(vertex)
    return loops


def cap(mesh: trimesh.Trimesh) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices to append and faces (k, 3) to add so that every boundary loop is closed by a fan.

    The fan's centre is the mean of its loop. A fan needs no plane and no convex outline, and is
    always a topological disc; it may fold over itself, which a Boolean tolerates.
    """
    loops = boundary_loops(np.asarray(mesh.faces))
    vertices = np.zeros((len(loops), 3))
    faces: list[NDArray[np.int64]] = [np.zeros((0, 3), dtype=np.int64)]
    for number, loop in enumerate(loops):
        rim = np.array(loop, dtype=np.int64)
        vertices[number] = mesh.vertices[rim].mean(axis=0)
        centre = np.full(len(rim), len(mesh.vertices) + number, dtype=np.int64)
        faces.append(np.column_stack([np.roll(rim, -1), rim, centre]))
    return vertices, np.concatenate(faces)


def mended(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh with close vertices merged, doubled faces dropped, and neighbours wound alike (MeshLab).

    A box made of six separate squares becomes a closed box. Holes stay open: ``cap`` closes them.
    """
    return make_mesh(*meshlab.mend(np.asarray(mesh.vertices), np.asarray(mesh.faces), MERGE))

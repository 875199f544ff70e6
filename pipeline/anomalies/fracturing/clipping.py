"""Clipping an open surface by a level of a scalar field: marching triangles on a refined mesh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from trimesh.grouping import unique_rows

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]


def refine(
    vertices: Vertices, faces: Faces, near: Callable[[Vertices], NDArray[np.bool_]], size: float
) -> tuple[Vertices, Faces]:
    """Halve edges longer than ``size`` until no triangle for which ``near`` holds has one.

    vertices: (n, 3), faces: (m, 3); ``near`` takes triangles (k, 3, 3) and returns (k,). An edge is
    halved in all its faces at once, so that what was connected stays connected, without T-junctions.
    """
    while True:
        edges = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2)
        long = np.linalg.norm(vertices[edges[..., 0]] - vertices[edges[..., 1]], axis=2) > size
        long &= near(vertices[faces])[:, None]
        if not long.any():
            return vertices, faces
        edges = np.sort(edges.reshape(-1, 2), axis=1)
        first, index = unique_rows(edges)
        unique = edges[first]
        index = index.reshape(-1, 3)
        halved = np.zeros(len(unique), dtype=bool)
        halved[index[long]] = True
        middle = len(vertices) - 1 + np.cumsum(halved)
        vertices = np.vstack([vertices, vertices[unique[halved]].mean(axis=1)])
        faces = _split_faces(faces, halved[index], middle[index])


def _split_faces(faces: Faces, halved: NDArray[np.bool_], middle: Faces) -> Faces:
    """Two, three or four faces for one with one, two or three halved edges; winding is kept.

    ``halved`` and ``middle`` (m, 3) tell of edge k, from corner k to the next, whether it has a new
    vertex in its middle and which.
    """
    count = halved.sum(axis=1)
    result = [faces[count == 0]]
    for number in (1, 2, 3):
        chosen = np.flatnonzero(count == number)
        # Turned so that edge 0 is the only halved one, or edge 2 the only whole one.
        first = np.argmax(halved[chosen], axis=1) if number == 1 else np.argmin(halved[chosen], axis=1) + 1
        turn = (first[:, None] + np.arange(3)) % 3
        a, b, c = np.take_along_axis(faces[chosen], turn, axis=1).T
        ab, bc, ca = np.take_along_axis(middle[chosen], turn, axis=1).T
        corners = {
            1: [(a, ab, c), (ab, b, c)],
            2: [(ab, b, bc), (a, ab, c), (ab, bc, c)],
            3: [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)],
        }[number]
        result += [np.column_stack(triangle) for triangle in corners]
    return np.concatenate(result)


def clip_triangles(triangles: Vertices, outside: NDArray[np.float64]) -> Vertices:
    """The parts of triangles (n, 3, 3) where ``outside`` (n, 3), linear over each, is positive.

    A corner cut off leaves a triangle or a quadrilateral of two triangles; winding is kept.
    """
    positive = outside > 0
    count = positive.sum(axis=1)
    result = [triangles[count == 3]]
    for number in (1, 2):
        mixed = np.flatnonzero(count == number)
        lonely = np.argmax(positive[mixed] == (number == 1), axis=1)  # the corner on a side of its own
        turn = (lonely[:, None] + np.arange(3)) % 3
        a, b, c = np.take_along_axis(triangles[mixed], turn[:, :, None], axis=1).swapaxes(0, 1)
        fa, fb, fc = np.take_along_axis(outside[mixed], turn, axis=1).T
        ab = a + (fa / (fa - fb))[:, None] * (b - a)
        ac = a + (fa / (fa - fc))[:, None] * (c - a)
        corners = [(a, ab, ac)] if number == 1 else [(ab, b, c), (ab, c, ac)]
        result += [np.stack(triangle, axis=1) for triangle in corners]
    return np.concatenate(result)

"""What hangs together: connected components of a graph, and of faces that share corners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(pairs: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """(count,) component of each of ``count`` nodes that ``pairs`` (m, 2) connect, numbered from 0.

    >>> components(np.array([[0, 2], [2, 3]]), 5).tolist()
    [0, 1, 0, 0, 2]
    """
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def face_components(faces: NDArray[np.integer]) -> NDArray[np.int64]:
    """(m,) component of every face of (m, 3) corners: those that share a corner are of one. Numbered from 0.

    >>> face_components(np.array([[0, 1, 2], [5, 6, 7], [2, 3, 4]])).tolist()
    [0, 1, 0]
    """
    corner = components(np.vstack([faces[:, :2], faces[:, 1:]]), int(faces.max(initial=-1)) + 1)
    return np.unique(corner[faces[:, 0]], return_inverse=True)[1]


def grouped(labels: NDArray[np.integer]) -> list[NDArray[np.int64]]:
    """Of each label, ascending, the places (k,) in ``labels`` (n,) that have it, ascending.

    >>> [places.tolist() for places in grouped(np.array([7, 3, 7]))]
    [[1], [0, 2]]
    """
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []

"""Giving many items to a few columns that want fixed totals, so that one item more or less moves few others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

#: Amounts below this are rounding errors.
NOTHING = 1e-6
#: A path is cheaper than another only by more than this.
SAME = 1e-12


def transport(scores: Matrix, weights: Vector, totals: Vector) -> Matrix:
    """(n, k) how much of the weight (n,) of each item goes to each column, so that the columns get their totals (k,).

    Of all such ways the one with the largest sum of amounts times scores (n, k); where a score is -inf, nothing
    goes. Fewer than k items are split, and none where all weights are 1 and the totals whole. It is one way
    whatever the order of the items, and with one item more or less it differs along few paths of columns.

    Every item starts in its best column. Then, item by item, the cheapest path from a column with too much to
    one with too little is followed (successive shortest paths). Where no path leads, totals are not met.
    """
    flow = np.zeros_like(scores)
    flow[np.arange(len(scores)), scores.argmax(axis=1)] = weights
    excess = flow.sum(axis=0) - totals
    columns = len(totals)
    loss, mover = np.full((columns, columns), np.inf), np.zeros((columns, columns), dtype=np.int64)
    changed = set(range(columns))
    while True:
        for j in changed:
            loss[j], mover[j] = _cheapest_moves(scores, flow, j)
        path = _cheapest_path(loss, excess)
        if path is None:
            return flow
        moves = [(mover[j, k], j, k) for j, k in pairwise(path)]
        amount = min(excess[path[0]], -excess[path[-1]], *(flow[i, j] for i, j, _ in moves))
        for i, j, k in moves:
            flow[i, j] -= amount
            flow[i, k] += amount
        excess[path[0]] -= amount
        excess[path[-1]] += amount
        changed = set(path)


def _cheapest_moves(scores: Matrix, flow: Matrix, column: int) -> tuple[Vector, NDArray[np.int64]]:
    """(k,) what it costs to move something from the column to each other, and the item that it costs least with."""
    own = np.flatnonzero(flow[:, column] > 0)
    if len(own) == 0:
        return np.full(scores.shape[1], np.inf), np.zeros(scores.shape[1], dtype=np.int64)
    cost = scores[own, column, None] - scores[own]
    cost[:, column] = np.inf
    cheapest = cost.argmin(axis=0)
    return cost[cheapest, np.arange(scores.shape[1])], own[cheapest]


def _cheapest_path(loss: Matrix, excess: Vector) -> list[int] | None:
    """Columns from one with too much to one with too little (Bellman-Ford); None where there is no way."""
    cost = np.where(excess > NOTHING, 0.0, np.inf)
    before = np.arange(len(excess))
    for _ in range(len(excess)):
        through = cost[:, None] + loss
        closer = through.min(axis=0) < cost - SAME
        if not closer.any():
            break
        before[closer] = through.argmin(axis=0)[closer]
        cost = np.where(closer, through.min(axis=0), cost)
    cost[excess > -NOTHING] = np.inf
    if not np.isfinite(cost).any():
        return None
    path = [int(cost.argmin())]
    while before[path[-1]] != path[-1]:
        path.append(int(before[path[-1]]))
    return path[::-1]

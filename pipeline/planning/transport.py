"""Giving many items to a few columns that want fixed totals, so that one item more or less moves few others."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise, product

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
    moves = Moves(scores, flow)
    loss, mover = np.full((columns, columns), np.inf), np.zeros((columns, columns), dtype=np.int64)
    changed = set(range(columns))
    while True:
        for j, k in product(changed, range(columns)):
            loss[j, k], mover[j, k] = moves.cheapest(j, k)
        path = _cheapest_path(loss, excess)
        if path is None:
            return flow
        steps = [(mover[j, k], j, k) for j, k in pairwise(path)]
        amount = min(excess[path[0]], -excess[path[-1]], *(flow[i, j] for i, j, _ in steps))
        for i, j, k in steps:
            flow[i, j] -= amount
            flow[i, k] += amount
            moves.note(i, k)
        excess[path[0]] -= amount
        excess[path[-1]] += amount
        changed = set(path)


class Moves:
    """What it costs to move something of an item from one column to another; of no item that column j has not."""

    def __init__(self, scores: Matrix, flow: Matrix) -> None:
        """``flow``, (n, k) as ``scores``, may change: an item that a column gets is to be noted."""
        self._scores, self._flow = scores, flow
        #: For columns j and k (cost, item), cheapest first, of all that is in j, and of what was.
        self._heaps: dict[tuple[int, int], list[tuple[float, int]]] = {}
        for j in range(scores.shape[1]):
            own = np.flatnonzero(flow[:, j] > 0)
            for k, costs in enumerate((scores[own, j, None] - scores[own]).T.tolist()):
                if k != j:
                    self._heaps[j, k] = sorted(zip(costs, own.tolist(), strict=True))

    def note(self, item: int, column: int) -> None:
        """The column has something of the item."""
        costs = (self._scores[item, column] - self._scores[item]).tolist()
        for k, cost in enumerate(costs):
            if k != column:
                heappush(self._heaps[column, k], (cost, int(item)))

    def cheapest(self, j: int, k: int) -> tuple[float, int]:
        """The least cost of moving something from j to k, and the first item that it costs least with."""
        heap = self._heaps.get((j, k), [])
        while heap and not self._flow[heap[0][1], j] > 0:
            heappop(heap)
        return heap[0] if heap else (np.inf, 0)


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

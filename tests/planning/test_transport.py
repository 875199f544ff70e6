from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pipeline.planning.transport import Moves, transport


def cost(scores: np.ndarray, flow: np.ndarray) -> float:
    return float((np.where(flow > 0, scores, 0) * flow).sum())


@settings(deadline=None)
@given(st.integers(2, 12), st.integers(2, 5), st.integers(0, 10_000))
def test_it_is_the_best_of_all_ways_to_meet_the_totals(items: int, columns: int, seed: int) -> None:
    """Held against a linear programme."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(items, columns))
    weights = random.integers(1, 7, items).astype(float)
    totals = weights.sum() * random.dirichlet(np.ones(columns))
    flow = transport(scores, weights, totals)
    np.testing.assert_allclose(flow.sum(axis=0), totals, atol=1e-5)
    np.testing.assert_allclose(flow.sum(axis=1), weights)
    assert (flow >= 0).all()
    assert ((flow > 1e-9).sum(axis=1) - 1).sum() < columns  # so many are split
    rows = np.repeat(np.eye(items), columns, axis=1)
    sums = np.tile(np.eye(columns), items)
    best = linprog(-scores.ravel(), A_eq=np.vstack([rows, sums[:-1]]), b_eq=np.append(weights, totals[:-1]))
    assert best.fun is not None
    assert cost(scores, flow) >= -best.fun - 1e-4


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 4), st.booleans(), st.integers(0, 10_000))
def test_the_cheapest_move_is_what_looking_through_all_items_finds(
    items: int, columns: int, ties: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(size=(items, columns)).round(0 if ties else 9)
    scores[random.random(scores.shape) < 0.2] = -1e300
    flow = np.eye(columns)[random.integers(0, columns, items)]
    moves = Moves(scores, flow)
    for _ in range(20):
        for j in range(columns):
            own = np.flatnonzero(flow[:, j] > 0)
            for k in set(range(columns)) - {j}:
                cost = scores[own, j] - scores[own, k]
                found = (cost.min(), own[cost.argmin()]) if len(own) else (np.inf, 0)
                assert moves.cheapest(j, k) == found
        item, to = int(random.integers(items)), int(random.integers(columns))
        flow[item] = 0.5 * flow[item] if random.random() < 0.5 else 0.0
        flow[item, to] = 1.0
        moves.note(item, to)


def test_whole_totals_split_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=(40, 3))
    flow = transport(scores, np.ones(40), np.array([4.0, 16.0, 20.0]))
    assert set(flow.ravel()) == {0.0, 1.0}
    assert flow.sum(axis=0).tolist() == [4, 16, 20]


def test_what_cannot_go_to_a_column_does_not_and_the_rest_comes_as_near_as_it_can() -> None:
    scores = np.array([[0.0, -np.inf], [0.0, -np.inf], [0.0, -1.0]])
    assert transport(scores, np.ones(3), np.array([1.0, 2.0])).tolist() == [[1, 0], [1, 0], [0, 1]]


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_one_item_less_moves_fewer_others_than_there_are_columns(seed: int) -> None:
    scores = np.random.default_rng(seed).gumbel(size=(60, 5))
    totals = np.array([10.0, 20.0, 5.0, 5.0, 20.0])
    one = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
    before, after = transport(scores, np.ones(60), totals), transport(scores[1:], np.ones(59), totals - one)
    assert (before[1:] != after).any(axis=1).sum() < 5

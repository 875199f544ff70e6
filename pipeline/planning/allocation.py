"""How many images each planned anomaly gets and on which part group it acts, so that all follow a distribution.

Everybody has luck of their own, by name; what is wanted in all is met by prices that all pay. So one
more or less, or a little more of something, changes the choices of the few to whom it made no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.planning.config import ImageCounts
from pipeline.planning.spread import spread
from pipeline.planning.transport import transport
from pipeline.seeding import uniforms

Matrix = NDArray[np.float64]

#: Rounds of proportional fitting; the fit is exact to a thousandth long before, where there is one.
ROUNDS = 60
#: A group's weight stays within these: one that too few shapes have would grow for ever.
LIMITS = (1e-6, 1e6)


def allocate_numbers(
    keys: Sequence[str],
    total: int,
    counts: ImageCounts,
    seed: int,
    name: str,
    capacity: Sequence[int] | None = None,
) -> list[int]:
    """Numbers of images for the keys, ``total`` in all, none above its key's capacity; together as ``spread`` says.

    name: of what is planned. Each key draws a score for every number; the numbers that are wanted are dealt
    so that the scores of all together are largest.
    """
    if not keys:
        return []
    wanted = spread(len(keys), total, *counts.images_per_shape, counts.median, capacity)
    values, often = np.unique(wanted, return_counts=True)
    scores = _gumbels(seed, name, "images", keys, [str(value) for value in values]) + np.log(often)
    if capacity is not None:
        scores[np.asarray(capacity)[:, None] < values] = -np.inf
    flow = transport(scores, np.ones(len(keys)), often.astype(np.float64))
    return [int(n) for n in values[flow.argmax(axis=1)]]


def allocate_groups(
    options: Mapping[str, Mapping[str, float]], images: Sequence[int], shares: Mapping[str, float], seed: int, name: str
) -> list[str]:
    """Choose a group for every key so that the images of each group approach ``shares``.

    options: key -> the groups it has and how much it leans to each (> 0); images: its number of
    images; shares: group -> wanted share of the images, for the groups that have one; name: of what is planned.
    Iterative proportional fitting scales the leanings of all by one factor a group until the
    expected images match; what cannot be matched (too few shapes with a footrest) is given to the others in
    their proportions. Each key then takes the group that it leans to most, by its luck, and prices of the groups
    see to it that each gets the images expected. Who could go to either of two groups draws lots.
    """
    if not options:
        return []
    keys = list(options)
    groups = sorted({group for item in options.values() for group in item})
    lean = np.array([[item.get(group, 0.0) for group in groups] for item in options.values()])
    number = np.asarray(images, dtype=np.float64)
    probability = _fit(lean, number, [shares.get(group) for group in groups])
    with np.errstate(divide="ignore"):  # what it has not is never chosen
        scores = _gumbels(seed, name, "group", keys, groups) + np.log(probability)
    flow = transport(scores, number, number @ probability)
    ends = flow.cumsum(axis=1)
    lots = uniforms(seed, "plan", name, "lot", keys=keys)
    return [groups[k] for k in (ends / ends[:, -1:] > lots[:, None]).argmax(axis=1)]


def _gumbels(seed: int, name: str, choice: str, keys: Sequence[str], options: Sequence[str]) -> Matrix:
    """(n, k) Gumbel noise of each key and option: the largest of log p + noise is a draw by the probabilities p."""
    drawn = [uniforms(seed, "plan", name, choice, option, keys=keys) for option in options]
    return np.asarray(-np.log(-np.log(np.column_stack(drawn))))


def _fit(lean: Matrix, number: NDArray[np.float64], shares: Sequence[float | None]) -> Matrix:
    """Rows of probabilities; groups without a share keep their weight."""
    weight = np.ones(lean.shape[1])
    steered = np.array([share is not None for share in shares], dtype=bool)
    wanted = np.array([share or 0.0 for share in shares])
    for _ in range(ROUNDS):
        probability = lean * weight
        probability /= probability.sum(axis=1, keepdims=True)
        got = number @ probability
        if steered.any() and wanted.sum() > 0:
            target = wanted * got[steered].sum() / wanted.sum()
            weight[steered] *= (target / np.maximum(got, 1e-12))[steered]
            weight = np.clip(weight, *LIMITS)
    return np.asarray(probability)

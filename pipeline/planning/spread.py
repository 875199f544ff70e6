"""Whole numbers with a given count, sum, range and median, as evenly spread as these allow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Weights = NDArray[np.float64]

#: Range in which the tilt of the distribution is looked for: beyond, all mass is at one end anyway.
TILT = 30.0
#: From so many numbers on, the ends of the range occur.
ENDS_FROM = 20


def spread(count: int, total: int, low: int, high: int, median: int | None = None) -> list[int]:
    """``count`` ascending numbers in [low, high] that sum to ``total``, brought into what the range allows.

    Of all distributions with this mean (and median) the one of largest entropy: weights that grow or
    shrink exponentially, in two pieces of equal mass where the median is given. The median is given
    up where the sum cannot be had with it.
    """
    if count == 0:
        return []
    total = int(np.clip(total, count * low, count * high))
    middle = slice((count - 1) // 2, count // 2 + 1)
    lowest, highest = np.full(count, low), np.full(count, high)
    if median is not None and low <= median <= high:
        lowest[middle.start :] = median
        highest[: middle.stop] = median
        if not lowest.sum() <= total <= highest.sum():
            lowest[:], highest[:], median = low, high, None
    if count >= ENDS_FROM and total >= lowest.sum() + high - low and total <= highest.sum() - (high - low):
        highest[0], lowest[-1] = low, high
    numbers = np.clip(_quantiles(count, total / count, low, high, median), lowest, highest)
    return sorted(_with_sum(numbers, total, lowest, highest).tolist())


def _quantiles(count: int, mean: float, low: int, high: int, median: int | None) -> NDArray[np.int64]:
    values = np.arange(low, high + 1)
    split = len(values) if median is None else median - low + 1

    def weights(tilt: float) -> Weights:
        raw = np.exp(tilt * (values - (low + high) / 2) / max(1, high - low))
        if median is None:
            return np.asarray(raw / raw.sum())
        lower, upper = raw[:split] / raw[:split].sum(), raw[split - 1 :] / raw[split - 1 :].sum()
        return np.concatenate([lower[:-1], [lower[-1] + upper[0]], upper[1:]]) / 2

    tilt = _root(lambda t: float(weights(t) @ values) - mean)
    places = (np.arange(count) + 0.5) / count
    return np.asarray(values[np.searchsorted(np.cumsum(weights(tilt)), places).clip(max=len(values) - 1)])


def _root(excess: Callable[[float], float]) -> float:
    """Where the rising function is 0, or the end of the range where it is not."""
    if excess(-TILT) >= 0:
        return -TILT
    return TILT if excess(TILT) <= 0 else float(brentq(excess, -TILT, TILT))


def _with_sum(
    numbers: NDArray[np.int64], total: int, lowest: NDArray[np.int64], highest: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Move single numbers by one, in turn, until the sum is right; none leaves its range."""
    step = int(np.sign(total - numbers.sum()))
    for place in cycle(range(len(numbers))):
        if numbers.sum() == total:
            return numbers
        if lowest[place] <= numbers[place] + step <= highest[place]:
            numbers[place] += step
    raise AssertionError("unreachable: the cycle has no end")

"""Whole numbers with a given count, sum, range and median, as evenly spread as these allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

#: Range in which the tilt of the distribution is looked for: beyond, all mass is at one end anyway.
TILT = 30.0
#: Halvings of that range, until two tilts differ in their last bits only.
HALVINGS = 50
#: From so many numbers on, the ends of the range occur.
ENDS_FROM = 20


def spread(
    count: int, total: int, low: int, high: int, median: int | None = None, capacity: Sequence[int] | None = None
) -> list[int]:
    """``count`` ascending numbers in [low, high] that sum to ``total``, brought into what the range allows.

    Of all distributions with this mean (and median) the one of largest entropy: weights that grow or
    shrink exponentially, in two pieces of equal mass where the median is given. The median is given
    up where the sum cannot be had with it. capacity: the most of each of those that are to get the
    numbers, ``low`` or more; whoever has the least capacity can then have the least number, and so on.
    """
    if count == 0:
        return []
    lowest = np.full(count, low)
    highest = np.full(count, high) if capacity is None else np.minimum(np.sort(capacity), high)
    total = int(np.clip(total, lowest.sum(), highest.sum()))
    if median is not None:
        # The middle one, or both middle ones.
        start, stop = (count - 1) // 2, count // 2 + 1
        at_least, at_most = lowest.copy(), highest.copy()
        at_least[start:] = max(median, low)
        at_most[:stop] = np.minimum(at_most[:stop], median)
        if (at_least <= at_most).all() and at_least.sum() <= total <= at_most.sum():
            lowest, highest = at_least, at_most
        else:
            median = None
    width = high - low
    if count >= ENDS_FROM and highest[-1] == high and lowest.sum() + width <= total <= highest.sum() - width:
        highest[0], lowest[-1] = low, high
    below, above = _around(total, lowest, highest, (low, high), median)
    # The two differ only in numbers at a border between values; the last of these get the larger one.
    room = above - below
    after = room.sum() - room.cumsum()
    return [int(n) for n in below + np.clip(total - below.sum() - after, 0, room)]


def _around(
    total: int, lowest: Numbers, highest: Numbers, ends: tuple[int, int], median: int | None
) -> tuple[Numbers, Numbers]:
    """Ascending numbers of the distribution, within their bounds: just below the sum, or at it, and just above."""
    below, above = lowest, highest
    low_tilt, high_tilt = -TILT, TILT
    for _ in range(HALVINGS):
        tilt = (low_tilt + high_tilt) / 2
        numbers = np.clip(_quantiles(len(lowest), tilt, ends, median), lowest, highest)
        if numbers.sum() <= total:
            below, low_tilt = numbers, tilt
        else:
            above, high_tilt = numbers, tilt
    return below, above


def _quantiles(count: int, tilt: float, ends: tuple[int, int], median: int | None) -> Numbers:
    """Ascending numbers, none of which falls as the tilt grows."""
    low, high = ends
    values = np.arange(low, high + 1)
    weights = np.exp(tilt * (values - (low + high) / 2) / max(1, high - low))
    if median is None:
        weights /= weights.sum()
    else:
        split = median - low
        lower, upper = (piece / piece.sum() / 2 for piece in (weights[: split + 1], weights[split:]))
        weights = np.concatenate([lower[:-1], [lower[-1] + upper[0]], upper[1:]])
    places = (np.arange(count) + 0.5) / count
    return np.asarray(values[np.searchsorted(np.cumsum(weights), places).clip(max=high - low)])

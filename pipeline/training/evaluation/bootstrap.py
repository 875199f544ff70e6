"""Confidence intervals by resampling shapes.

Images of one shape are not independent, so whole shapes are drawn with replacement (the cluster bootstrap, Field and
Welsh, 2007). ``scipy.stats.bootstrap`` resamples single observations only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Int64

from pipeline.seeding import rng

CONFIDENCE = 0.95
Interval = tuple[float, float]


def bootstrap(
    clusters: Int64[np.ndarray, " sample"],
    statistic: Callable[[Int64[np.ndarray, " drawn"]], float | None],
    resamples: int,
) -> Interval | None:
    """The percentile interval of ``statistic``, a function of sample numbers, over resampled clusters.

    clusters: alike for samples that are drawn together. Resamples on which the statistic is not defined are
    left out; None if it is defined on none. The same call gives the same interval.

    >>> values = np.array([0.0, 0.0, 1.0, 1.0])
    >>> bootstrap(np.array([0, 0, 1, 1]), lambda rows: values[rows].mean(), 1000)  # of two shapes, any mean will do
    (0.0, 1.0)
    """
    _, own = np.unique(clusters, return_inverse=True)
    order = np.argsort(own, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(own))[:-1])
    generator = rng(0, "evaluation", "bootstrap")
    values = []
    for _ in range(resamples):
        drawn = generator.integers(len(members), size=len(members))
        value = statistic(np.concatenate([members[i] for i in drawn]))
        if value is not None:
            values.append(value)
    if not values:
        return None
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)

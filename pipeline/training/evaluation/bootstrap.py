"""Confidence intervals by resampling shapes.

Images of one shape are not independent, so whole shapes are drawn with replacement (the cluster bootstrap, Field and
Welsh, 2007). ``scipy.stats.bootstrap`` resamples single observations only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.seeding import rng

CONFIDENCE = 0.95
Interval = tuple[float, float]


def bootstrap(
    clusters: NDArray[np.int64], statistic: Callable[[NDArray[np.int64]], float | None], resamples: int
) -> Interval | None:
    """The percentile interval of ``statistic``, a function of sample numbers, over resampled clusters.

    clusters: (n,), alike for samples that are drawn together. Resamples on which the statistic is not defined are
    left out; None if it is defined on none. The same call gives the same interval.
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

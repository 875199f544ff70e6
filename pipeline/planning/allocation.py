"""Which part group each planned anomaly acts on, so that all together follow a distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

#: Rounds of proportional fitting; the fit is exact to a thousandth long before, where there is one.
ROUNDS = 200
#: A group's weight stays within these: one that too few shapes have would grow for ever.
LIMITS = (1e-6, 1e6)
#: A group so many images behind is twice as likely as it would be; one that is as many ahead, hardly.
FEEDBACK = 30.0
LEAST = 1e-6


def allocate_groups(
    options: Sequence[Mapping[str, float]],
    images: Sequence[int],
    shares: Mapping[str, float],
    random: np.random.Generator,
) -> list[str]:
    """Choose a group for every item so that the images of each group approach ``shares``.

    options: for each item the groups it has and how much it leans to each (> 0); images: its number of
    images; shares: group -> wanted share of the images, for the groups that have one. Iterative
    proportional fitting scales the leanings of all items by one factor a group until the expected
    images match; what cannot be matched (too few shapes with a footrest) is given to the others in
    their proportions. Then items are settled in order, each at random; a group that has fallen behind is
    likelier, so that many items come close to the shares and few are not forced to the commonest group.
    """
    if not options:
        return []
    groups = sorted({group for item in options for group in item})
    lean = np.array([[item.get(group, 0.0) for group in groups] for item in options])
    number = np.asarray(images, dtype=np.float64)
    expected = number[:, None] * _fit(lean, number, [shares.get(group) for group in groups])
    behind = np.zeros(len(groups))
    chosen = []
    for row, count in zip(expected, number, strict=True):
        leaning = row * np.clip(1 + behind / FEEDBACK, LEAST, None)
        group = int(random.choice(len(groups), p=leaning / leaning.sum()))
        behind += row
        behind[group] -= count
        chosen.append(groups[group])
    return chosen


def _fit(lean: NDArray[np.float64], number: NDArray[np.float64], shares: Sequence[float | None]) -> NDArray[np.float64]:
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

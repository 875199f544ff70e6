"""Cluster bootstrap: known widths, known extremes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.training.evaluation.bootstrap import bootstrap
from pipeline.training.evaluation.evaluate import auc_difference
from tests.training.evaluation.test_metrics import scored


def test_the_interval_of_a_mean_has_the_width_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = bootstrap(np.arange(400), lambda rows: float(values[rows].mean()), 2000)
    assert found is not None
    error = 1.96 * values.std() / 400**0.5
    assert found == pytest.approx((values.mean() - error, values.mean() + error), abs=0.1 * error)


def test_images_of_one_shape_count_as_one_observation() -> None:
    values = np.random.default_rng(0).normal(size=50)
    repeated, shapes = np.repeat(values, 20), np.repeat(np.arange(50), 20)

    def mean_of(array: NDArray[np.float64]) -> object:
        return lambda rows: float(array[rows].mean())

    alone = bootstrap(np.arange(50), mean_of(values), 500)  # type: ignore[arg-type]
    assert bootstrap(shapes, mean_of(repeated), 500) == pytest.approx(alone)  # type: ignore[arg-type]
    naive = bootstrap(np.arange(1000), mean_of(repeated), 500)  # type: ignore[arg-type]
    assert alone is not None and naive is not None
    assert alone[1] - alone[0] > 3 * (naive[1] - naive[0])


def test_the_same_call_gives_the_same_interval_and_an_undefined_statistic_none() -> None:
    shapes = np.arange(10)
    first, second = (bootstrap(shapes, lambda rows: float(rows.mean()), 50) for _ in range(2))
    assert first == second
    assert bootstrap(shapes, lambda rows: None, 50) is None


def test_a_paired_difference_is_narrower_than_the_models_scatter() -> None:
    generator = np.random.default_rng(0)
    kinds = (np.arange(300) % 2).tolist()
    base = generator.normal(size=300) + np.array(kinds)
    theirs, ours = (scored((1 / (1 + np.exp(-x))).tolist(), kinds) for x in (base, base + 0.2 * np.array(kinds)))
    found = auc_difference(ours, theirs, 300)
    assert found is not None
    value, (low, high) = found
    assert 0 < low < value < high < 0.1
    same = auc_difference(ours, ours, 50)
    assert same == (0.0, (0.0, 0.0))

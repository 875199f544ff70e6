from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Config
from pipeline.planning.spread import spread
from pipeline.settings.loading import load


@settings(deadline=None)
@given(st.data())
def test_count_sum_range_and_median_are_exact_wherever_they_can_be(data: st.DataObject) -> None:
    low = data.draw(st.integers(0, 4))
    high = low + data.draw(st.integers(0, 9))
    count = data.draw(st.integers(1, 60))
    median = data.draw(st.integers(low, high))
    # The middle one, or both middle ones, are the median: so many are at least and at most that.
    at_least, at_most = count - (count - 1) // 2, count // 2 + 1
    least = (count - at_least) * low + at_least * median
    most = at_most * median + (count - at_most) * high
    total = data.draw(st.integers(least, most))
    numbers = spread(count, total, low, high, median)
    assert len(numbers) == count
    assert sum(numbers) == total
    assert numbers == sorted(numbers)
    assert numbers[0] >= low
    assert numbers[-1] <= high
    assert np.median(numbers) == median


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(0, 500), st.integers(0, 5), st.integers(0, 5))
def test_an_impossible_sum_gives_the_nearest_and_an_impossible_median_is_given_up(
    count: int, total: int, low: int, width: int
) -> None:
    numbers = spread(count, total, low, low + width, low)
    assert sum(numbers) == np.clip(total, count * low, count * (low + width))


@settings(deadline=None)
@given(st.data())
def test_numbers_fit_the_capacities_and_have_the_sum_that_these_allow(data: st.DataObject) -> None:
    low, high, median = 1, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    capacity = data.draw(st.lists(st.integers(low, 12), min_size=1, max_size=60))
    total = data.draw(st.integers(0, 600))
    numbers = spread(len(capacity), total, low, high, median, capacity)
    bounds = [min(most, high) for most in sorted(capacity)]
    assert all(low <= number <= most for number, most in zip(numbers, bounds, strict=True))
    assert sum(numbers) == np.clip(total, len(capacity) * low, sum(bounds))
    assert numbers == sorted(numbers)


def test_the_median_is_kept_where_some_can_have_little() -> None:
    numbers = spread(101, 400, 1, 7, 4, [1] * 20 + [7] * 81)
    assert (sum(numbers), np.median(numbers), numbers[20], numbers[-1]) == (400, 4, numbers[20], 7)
    assert numbers[:20] == [1] * 20


def test_nothing_to_spread_is_nothing() -> None:
    assert spread(0, 0, 1, 7) == []


@pytest.mark.parametrize("column", ["positional", "rotational", "broken", "swapped", "missing", "normal"])
def test_the_papers_table_is_met_to_the_last_image(column: str) -> None:
    plan = load(Config, "brokenchairs180k").plan
    counts = plan.normal if column == "normal" else plan.types[column]
    shapes = 8143 if column == "normal" else int(plan.types[column].shapes)
    numbers = spread(shapes, int(counts.images), *counts.images_per_shape, counts.median)
    assert (len(numbers), sum(numbers)) == (shapes, counts.images)
    assert (numbers[0], numbers[-1], np.median(numbers)) == (*counts.images_per_shape, counts.median)


def test_without_a_median_numbers_fall_off_evenly() -> None:
    counts = np.bincount(spread(10_000, 25_000, 1, 7), minlength=8)[1:]
    assert (np.diff(counts) < 0).all()
    assert counts[1] / counts[0] == pytest.approx(counts[5] / counts[4], rel=0.1)

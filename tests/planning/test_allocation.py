from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.planning.allocation import allocate_groups, allocate_numbers
from pipeline.planning.config import ImageCounts
from pipeline.planning.spread import spread


def groups(
    options: Sequence[Mapping[str, float]], images: Sequence[int], shares: Mapping[str, float], seed: int = 0
) -> list[str]:
    """The choice for items of which no two have the same luck."""
    return allocate_groups({str(i): item for i, item in enumerate(options)}, images, shares, seed, "broken")


def test_shares_are_met_where_every_item_has_every_group() -> None:
    options = [{"Leg": 5.0, "Arm": 1.0, "Seat": 1.0}] * 1000
    images = [1 + i % 7 for i in range(1000)]
    chosen = groups(options, images, {"Leg": 0.2, "Arm": 0.5, "Seat": 0.3})
    got: Counter[str] = Counter()
    for group, number in zip(chosen, images, strict=True):
        got[group] += number
    assert got["Leg"] / sum(images) == pytest.approx(0.2, abs=0.01)
    assert got["Arm"] / sum(images) == pytest.approx(0.5, abs=0.01)


def test_a_rare_group_is_taken_wherever_it_is_and_the_rest_keeps_its_proportions() -> None:
    options = [{"Leg": 1.0, "Arm": 1.0, **({"Footrest": 1.0} if i % 100 == 0 else {})} for i in range(1000)]
    chosen = Counter(groups(options, [1] * 1000, {"Leg": 0.4, "Arm": 0.4, "Footrest": 0.2}))
    assert chosen["Footrest"] == 10
    assert chosen["Leg"] == pytest.approx(495, abs=20)


def test_items_without_a_choice_are_balanced_by_those_with_one() -> None:
    options = [{"Leg": 1.0}] * 300 + [{"Leg": 1.0, "Arm": 1.0}] * 700
    chosen = Counter(groups(options, [2] * 1000, {"Leg": 0.5, "Arm": 0.5}))
    assert chosen["Leg"] == pytest.approx(500, abs=15)


def test_groups_without_a_share_keep_their_leaning() -> None:
    chosen = Counter(groups([{"Top": 3.0, "Base": 1.0}] * 400, [1] * 400, {}))
    assert chosen["Top"] == pytest.approx(300, abs=20)


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 1), min_size=1), min_size=1, max_size=40),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1)),
)
def test_every_item_gets_a_group_that_it_has(options: list[dict[str, float]], shares: dict[str, float]) -> None:
    chosen = groups(options, [1 + i % 3 for i in range(len(options))], shares)
    assert all(group in item for group, item in zip(chosen, options, strict=True))


def test_the_same_items_get_the_same_groups() -> None:
    random = np.random.default_rng(0)
    options = [{g: float(random.random()) + 0.01 for g in "abc"} for _ in range(50)]
    first, second = (groups(options, [1] * 50, {"a": 1.0}, 7) for _ in range(2))
    assert first == second


def test_a_rare_group_gets_its_share_of_many_small_sets() -> None:
    options = [{"Leg": 1.0, "Arm": 1.0}] * 5
    sets = [groups(options, [3] * 5, {"Leg": 0.9, "Arm": 0.1}, i) for i in range(400)]
    assert np.mean([group == "Arm" for chosen in sets for group in chosen]) == pytest.approx(0.1, abs=0.02)


@settings(deadline=None)
@given(st.data())
def test_images_of_a_group_are_as_many_as_expected_but_for_items_that_could_go_to_either(data: st.DataObject) -> None:
    """No group gets more or less than its share by more than the images of the few items on its borders."""
    options = [{"a": 1.0, "b": data.draw(st.floats(0.1, 9)), "c": data.draw(st.floats(0.1, 9))} for _ in range(60)]
    images = data.draw(st.lists(st.integers(1, 7), min_size=60, max_size=60))
    chosen = groups(options, images, {"a": 0.5, "b": 0.3, "c": 0.2}, data.draw(st.integers(0, 99)))
    got = Counter[str]()
    for group, number in zip(chosen, images, strict=True):
        got[group] += number
    for group, share in {"a": 0.5, "b": 0.3, "c": 0.2}.items():
        assert abs(got[group] - share * sum(images)) < 2 * max(images)


@settings(deadline=None)
@given(st.data())
def test_numbers_keep_their_sum_range_median_and_capacities(data: st.DataObject) -> None:
    low = data.draw(st.integers(1, 3))
    high = low + data.draw(st.integers(0, 6))
    capacity = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=40))
    total = data.draw(st.integers(len(capacity) * low, sum(capacity)))
    keys = [str(i) for i in range(len(capacity))]
    numbers = allocate_numbers(keys, total, ImageCounts(images_per_shape=(low, high)), 0, "broken", capacity)
    assert sum(numbers) == total
    assert all(low <= number <= most for number, most in zip(numbers, capacity, strict=True))
    free = allocate_numbers(keys, total, ImageCounts(images_per_shape=(low, high), median=low), 0, "broken")
    assert sorted(free) == spread(len(keys), total, low, high, low)


def test_numbers_do_not_depend_on_the_order_of_the_keys_and_differ_by_seed() -> None:
    keys = [str(i) for i in range(50)]
    counts = ImageCounts(images_per_shape=(1, 7), median=4)
    numbers = dict(zip(keys, allocate_numbers(keys, 180, counts, 0, "broken"), strict=True))
    backwards = allocate_numbers(keys[::-1], 180, counts, 0, "broken")
    assert backwards == [numbers[key] for key in keys[::-1]]
    assert allocate_numbers(keys, 180, counts, 1, "broken") != list(numbers.values())

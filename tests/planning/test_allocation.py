from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.planning.allocation import allocate_groups
from pipeline.seeding import rng


def test_shares_are_met_where_every_item_has_every_group() -> None:
    options = [{"Leg": 5.0, "Arm": 1.0, "Seat": 1.0}] * 1000
    images = [1 + i % 7 for i in range(1000)]
    chosen = allocate_groups(options, images, {"Leg": 0.2, "Arm": 0.5, "Seat": 0.3}, rng(0))
    got: Counter[str] = Counter()
    for group, number in zip(chosen, images, strict=True):
        got[group] += number
    assert got["Leg"] / sum(images) == pytest.approx(0.2, abs=0.01)
    assert got["Arm"] / sum(images) == pytest.approx(0.5, abs=0.01)


def test_a_rare_group_is_taken_wherever_it_is_and_the_rest_keeps_its_proportions() -> None:
    options = [{"Leg": 1.0, "Arm": 1.0, **({"Footrest": 1.0} if i % 100 == 0 else {})} for i in range(1000)]
    chosen = Counter(allocate_groups(options, [1] * 1000, {"Leg": 0.4, "Arm": 0.4, "Footrest": 0.2}, rng(0)))
    assert chosen["Footrest"] == 10
    assert chosen["Leg"] == pytest.approx(495, abs=20)


def test_items_without_a_choice_are_balanced_by_those_with_one() -> None:
    options = [{"Leg": 1.0}] * 300 + [{"Leg": 1.0, "Arm": 1.0}] * 700
    chosen = Counter(allocate_groups(options, [2] * 1000, {"Leg": 0.5, "Arm": 0.5}, rng(0)))
    assert chosen["Leg"] == pytest.approx(500, abs=15)


def test_groups_without_a_share_keep_their_leaning() -> None:
    chosen = Counter(allocate_groups([{"Top": 3.0, "Base": 1.0}] * 400, [1] * 400, {}, rng(0)))
    assert chosen["Top"] == pytest.approx(300, abs=20)


@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 1), min_size=1), min_size=1, max_size=40),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1)),
)
def test_every_item_gets_a_group_that_it_has(options: list[dict[str, float]], shares: dict[str, float]) -> None:
    chosen = allocate_groups(options, [1 + i % 3 for i in range(len(options))], shares, rng(0))
    assert all(group in item for group, item in zip(chosen, options, strict=True))


def test_the_same_items_get_the_same_groups() -> None:
    random = np.random.default_rng(0)
    options = [{g: float(random.random()) + 0.01 for g in "abc"} for _ in range(50)]
    first, second = (allocate_groups(options, [1] * 50, {"a": 1.0}, rng(7)) for _ in range(2))
    assert first == second


def test_a_rare_group_gets_its_share_of_many_small_sets() -> None:
    options = [{"Leg": 1.0, "Arm": 1.0}] * 5
    sets = [allocate_groups(options, [3] * 5, {"Leg": 0.9, "Arm": 0.1}, rng(i)) for i in range(400)]
    assert np.mean([group == "Arm" for chosen in sets for group in chosen]) == pytest.approx(0.1, abs=0.02)

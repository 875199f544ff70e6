from __future__ import annotations

from itertools import pairwise

import pytest

from pipeline.anomalies.config import SwappedConfig
from pipeline.anomalies.targets.donors import NAMED, Catalogue, fit_boxes
from pipeline.anomalies.targets.nodes import Node
from tests.anomalies.toy_chairs import LEG, SEAT

STAR_LEG = "chair/chair_base/star_leg_base/star_leg_set/leg"
LIMITS = (0.5, 2.0)


def node(label: str, size: float = 0.5) -> Node:
    return Node((1,), label, (0.1, size, 0.1), 0.1, 0.1)


def shapes_for(nodes: dict[str, list[Node]], target: Node, seed: int = 0) -> tuple[str, ...]:
    return Catalogue(nodes, SwappedConfig(), seed).shapes_for("own", target)


@pytest.mark.parametrize(
    ("donor", "fits"),
    [
        ((0.1, 0.5, 0.1), (True, False)),  # a twin is laid on the original
        ((0.2, 0.5, 0.2), (True, True)),
        ((0.3, 0.5, 0.3), (False, False)),  # by the box more than twice as thick; in its proportions too large
        ((0.04, 0.5, 0.04), (False, True)),
        ((0.1, 1.1, 0.1), (False, False)),
    ],
)
def test_a_box_fits_by_filling_the_slot_or_by_its_longest_side(
    donor: tuple[float, float, float], fits: tuple[bool, bool]
) -> None:
    assert fit_boxes((0.1, 0.5, 0.1), donor, LIMITS) == fits


def test_shapes_with_a_part_of_the_label_that_fits_are_named_first_then_of_the_kind_then_any() -> None:
    nodes = {"own": [node(LEG)], "a": [node(SEAT)], "b": [node(STAR_LEG)], "c": [node(LEG, 3)], "d": [node(LEG, 0.6)]}
    named = shapes_for(nodes, node(LEG))
    assert named[:2] == ("d", "b")
    assert sorted(named[2:]) == ["a", "c"]


def test_a_shape_alone_has_no_donors_and_nothing_like_its_parts() -> None:
    catalogue = Catalogue({"own": [node(LEG)], "other": [node(SEAT)]}, SwappedConfig(), 0)
    assert not catalogue.has_like("own", node(LEG))
    assert Catalogue({"own": [node(LEG)]}, SwappedConfig(), 0).shapes_for("own", node(LEG)) == ()


def test_whoever_is_not_named_can_go_and_who_is_makes_room_for_one_more() -> None:
    nodes = {str(i): [node(LEG, 0.4 + 0.001 * i)] for i in range(120)} | {"own": [node(LEG)]}
    named = shapes_for(nodes, node(LEG))
    assert len(set(named)) == NAMED
    for gone in nodes.keys() - {"own"}:
        left = shapes_for({i: own for i, own in nodes.items() if i != gone}, node(LEG))
        assert left[: NAMED - 1] == tuple(i for i in named if i != gone)[: NAMED - 1]
        assert (left == named) == (gone not in named)


def test_another_part_or_another_seed_meets_others() -> None:
    nodes = {str(i): [node(LEG)] for i in range(300)}
    other = Node((2,), LEG, (0.1, 0.5, 0.1), 0.1, 0.1)
    chosen = [
        set(named) for named in (shapes_for(nodes, node(LEG)), shapes_for(nodes, other), shapes_for(nodes, other, 1))
    ]
    assert all(len(one & two) < NAMED / 2 for one, two in pairwise(chosen))

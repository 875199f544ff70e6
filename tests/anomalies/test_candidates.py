from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from toy_chairs import ARM, LEG, assemble, box, chair

from pipeline.anomalies.candidates import choose, find_candidates, part_nodes
from pipeline.anomalies.groups import CHAIR_WEIGHTS, part_group
from pipeline.seeding import rng


def test_nodes_are_all_leaves_and_each_whole_arm_but_no_set_of_legs_and_no_whole_chair() -> None:
    nodes = {node.part_ids: node.label for node in part_nodes(chair())}
    assert set(nodes) == {(i,) for i in range(1, 11)} | {(7, 8), (9, 10)}
    assert nodes[7, 8] == ARM


def test_inner_nodes_that_repeat_are_whole_parts_in_any_category() -> None:
    meshes = [box((0.2, 0.2, 0.2), (0.3 * i, 0, 0)) for i in range(5)]
    paths = [(0, 1, 2), (0, 1, 3), (0, 4, 5), (0, 4, 6), (0, 7)]
    labels = ["desk/drawer/front", "desk/drawer/box"] * 2 + ["desk/top"]
    shape = assemble("desk", list(zip(labels, paths, meshes, strict=True)))
    assert {n.part_ids for n in part_nodes(shape) if len(n.part_ids) > 1} == {(1, 2), (3, 4)}


def test_candidates_hold_their_share_of_the_surface_and_stay_within_the_limits() -> None:
    shape = chair()
    total = sum(p.mesh.area for p in shape.parts)
    candidates = find_candidates(shape, 0.04, 0.3)
    assert all(0.04 <= c.area_share <= 0.3 for c in candidates)
    seat_share = (2 * 0.8 * 0.8 + 4 * 0.8 * 0.1) / total
    assert seat_share > 0.3
    assert (1,) not in {c.part_ids for c in candidates}
    leg = next(c for c in candidates if c.part_ids == (3,))
    assert leg.area_share == pytest.approx((4 * 0.08 * 0.5 + 2 * 0.08**2) / total)


def test_choice_follows_the_papers_part_statistics_and_salience() -> None:
    candidates = find_candidates(chair(), 0.0, 0.6)
    random = rng(0, "test")
    drawn = Counter(choose(candidates, random).label for _ in range(4000))
    legs = drawn[LEG] / 4000
    present = {part_group(c.label) for c in candidates}
    assert legs == pytest.approx(CHAIR_WEIGHTS["Leg"] / sum(CHAIR_WEIGHTS[g] for g in present), abs=0.03)
    assert drawn[ARM] > drawn[f"{ARM}/arm_near_vertical_bar"]  # the whole arm is the larger


@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("chair/chair_base/star_leg_base/star_leg_set/leg", "Leg"),
        ("chair/chair_base/star_leg_base/star_leg_set/caster/wheel", "Others"),
        ("chair/chair_base/pedestal_base/pedestal", "SurfaceBase"),
        ("chair/chair_back/back_frame/back_frame_vertical_bar", "BackFrame"),
        ("chair/footrest/chair_seat/seat_surface", "Footrest"),
        ("chair/never_seen", "Others"),
        ("table/regular_table/tabletop/tabletop_surface", "TabletopSurface"),
    ],
)
def test_labels_belong_to_the_groups_of_the_paper(label: str, group: str) -> None:
    assert part_group(label) == group


def test_every_label_of_partnets_chair_hierarchy_has_a_group_of_the_paper(shared_data: Path) -> None:
    lines = (shared_data / "partnet_meta/after_merging_label_ids/Chair-hier.txt").read_text().splitlines()
    groups = {part_group(line.split()[1]) for line in lines}
    assert groups == set(CHAIR_WEIGHTS)
    leaves = [line.split()[1] for line in lines if line.endswith("leaf")]
    assert np.mean([part_group(leaf) == "Others" for leaf in leaves]) < 0.2

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.anomalies.targets.nodes import Node
from pipeline.config import Config
from pipeline.format.labels import PAPER_TYPES
from pipeline.format.part_groups import paper_share, part_group
from pipeline.planning.config import ImageCounts, PlanConfig, SeveralCounts, TypeCounts
from pipeline.planning.plan import Plan, ShapePlan
from pipeline.planning.planner import Planner
from pipeline.planning.topup import Made, final_plan, plan_more, shortfall
from pipeline.report.paper import PAPER_TABLE, count_table
from pipeline.settings.loading import load
from tests.planning.made_up import chairs, planner


def table(plan: Plan) -> dict[str, tuple[int, int, tuple[int, int, float]]]:
    images: Counter[tuple[str, str]] = Counter()
    for shape_id, shape in plan.items():
        images[shape_id, "normal"] = shape.normal_images
        for anomaly in shape.anomalies:
            images[shape_id, anomaly.type] += anomaly.images
    return {column: (c.shapes, c.images, c.images_per_shape) for column, c in count_table(images).items()}


PAPER = load(Config, "brokenchairs180k")


def test_the_full_run_meets_table_1_exactly(full_plan: Plan) -> None:
    ours = table(full_plan)
    for column in (*PAPER_TYPES, "normal"):
        paper = PAPER_TABLE[column]
        assert ours[column] == (paper.shapes, paper.images, paper.images_per_shape), column


@pytest.mark.parametrize("anomaly_type", PAPER_TYPES)
def test_the_full_run_follows_the_papers_part_statistics(full_plan: Plan, anomaly_type: str) -> None:
    images: Counter[str] = Counter()
    for shape in full_plan.values():
        for anomaly in shape.anomalies:
            if anomaly.type == anomaly_type:
                images[part_group(anomaly.label)] += anomaly.images
    for group, number in images.items():
        share = paper_share(group, anomaly_type)
        assert share is not None
        assert number / images.total() == pytest.approx(share, abs=0.004), group


def test_every_planned_part_is_a_candidate_of_its_shape(full_planner: Planner, full_plan: Plan) -> None:
    for shape_id, shape in list(full_plan.items())[:200]:
        assert len({a.index for a in shape.anomalies}) == len(shape.anomalies)
        for anomaly in shape.anomalies:
            own = {n.part_ids: n.label for n in full_planner.candidates(shape_id, anomaly.type)}
            assert own[anomaly.target] == anomaly.label


def test_a_plan_depends_on_seed_and_shapes_alone() -> None:
    nodes = chairs(60)
    backwards = dict(reversed(nodes.items()))
    assert planner(PAPER, nodes).first_plan() == planner(PAPER, backwards).first_plan()
    other = PAPER.model_copy(update={"seed": 1})
    assert planner(PAPER, nodes).first_plan() != planner(other, nodes).first_plan()


def test_leaving_out_a_type_leaves_the_others_alone() -> None:
    nodes = chairs(60)
    less = load(Config, "brokenchairs180k", ["plan.types.broken.images=0"])
    full, part = planner(PAPER, nodes).first_plan(), planner(less, nodes).first_plan()
    for shape_id, shape in full.items():
        kept = tuple(a for a in shape.anomalies if a.type != "broken")
        assert part[shape_id] == ShapePlan(kept, shape.normal_images)


def test_counts_scale_with_the_shapes_at_hand() -> None:
    ours = table(planner(PAPER, chairs(814)).first_plan())
    assert ours["broken"][:2] == (611, 2000)
    assert ours["normal"][:2] == (814, 7797)


def test_several_anomalies_of_a_type_take_different_parts_of_a_shape() -> None:
    config = Config(plan=PlanConfig(types={"broken": TypeCounts(shapes=1, per_shape=3, images=6)}))
    own = planner(config, chairs(30))
    for shape_id, shape in own.first_plan().items():
        broken = [a for a in shape.anomalies if a.type == "broken"]
        parts = own.candidates(shape_id, "broken")
        assert len({a.target for a in broken}) == len({a.name for a in broken}) == min(3, len(parts))


def test_a_part_that_no_other_shape_of_the_split_has_is_not_swapped() -> None:
    nodes = {str(i): [Node((1,), "chair/chair_seat/seat_surface", (1, 1, 1), 0.1, 0.1)] for i in range(6)}
    nodes["0"].append(Node((2,), "chair/footrest", (1, 1, 1), 0.1, 0.1))
    own = planner(PAPER, nodes)
    assert {n.part_ids for n in own.candidates("0", "swapped")} == {(1,)}
    assert {n.part_ids for n in own.candidates("0", "broken")} == {(1,), (2,)}


def made(plan: Plan, impossible: Sequence[tuple[str, str]], cameras: int = 9) -> dict[str, Made]:
    """Everything turned out as planned, but for these (shape, type); ``cameras`` show each."""
    outcome = {}
    for shape_id, shape in plan.items():
        kept = [a for a in shape.anomalies if (shape_id, a.type) not in impossible]
        seen = {"normal": 12, **{a.name: cameras for a in kept}}
        outcome[shape_id] = Made(seen, {a.name: a.target for a in kept})
    return outcome


def test_what_was_impossible_is_made_up_for_by_other_shapes() -> None:
    own = planner(PAPER, chairs(400))
    first = own.first_plan()
    lost = [(i, "swapped") for i, s in first.items() if any(a.type == "swapped" for a in s.anomalies)][:30]
    outcome = made(first, lost)
    more = plan_more(own, first, outcome)
    assert sum(len(s.anomalies) for s in more.values()) == 30
    assert all(a.type == "swapped" for s in more.values() for a in s.anomalies)
    assert not {i for i, _ in lost} & set(more)
    for i, second in made(more, []).items():
        outcome[i] = outcome[i].joined(second)
    final = table(final_plan(own, [first, more], outcome))
    for column, (shapes, images, _) in table(first).items():
        assert final[column][:2] == (shapes, images), column


def test_nothing_lacking_adds_nothing_and_changes_nothing() -> None:
    own = planner(PAPER, chairs(100))
    first = own.first_plan()
    outcome = made(first, [])
    assert plan_more(own, first, outcome) == {}
    drawn = final_plan(own, [first], outcome)
    assert drawn == {
        i: replace(s, anomalies=tuple(replace(a, donors=()) for a in s.anomalies)) for i, s in first.items()
    }


def test_images_that_no_camera_shows_are_given_to_other_shapes() -> None:
    own = planner(PAPER, chairs(300))
    first = own.first_plan()
    outcome = made(first, [], cameras=9)
    poor = {
        i: Made({name: 1 if name != "normal" else n for name, n in m.cameras.items()}, m.targets)
        for i, m in list(outcome.items())[:60]
    }
    final = final_plan(own, [first], {**outcome, **poor})
    assert all(a.images == 1 for i in poor for a in final[i].anomalies)
    for column, (shapes, images, views) in table(first).items():
        assert table(final)[column][:2] == (shapes, images), column
        assert table(final)[column][2][1] <= views[1]


def test_several_anomalies_in_one_image_act_on_parts_apart() -> None:
    several = SeveralCounts(shapes=0.5, images=1.0, images_per_shape=(1, 4))
    config = Config(plan=PlanConfig(several=several))
    own = planner(config, chairs(80))
    first = own.first_plan()
    outcome = made(first, [])
    final = final_plan(own, [first], outcome)
    chosen = {i: s.several for i, s in final.items() if s.several}
    assert len(chosen) == pytest.approx(40, abs=8)  # chairs of one part cannot
    assert sum(c.images for cs in chosen.values() for c in cs) == 80
    targets: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for i, combinations in chosen.items():
        for combination in combinations:
            assert 2 <= len(combination.names) <= 3
            targets[i] += [outcome[i].targets[name] for name in combination.names]
    for own_targets in targets.values():
        parts = [part for target in own_targets for part in target]
        assert len(parts) == len(set(parts))


def test_a_shape_that_was_lost_stands_in_for_no_other() -> None:
    own = planner(PAPER, chairs(40))
    first = own.first_plan()
    outcome = made(first, [(i, "broken") for i in first])
    willing = [i for i in own.willing("broken") if not any(a.type == "broken" for a in first[i].anomalies)]
    lost = willing[0]
    left = {i: shape for i, shape in first.items() if i != lost}
    more = plan_more(own, left, {i: m for i, m in outcome.items() if i != lost})
    assert lost not in more
    assert {i for i, shape in more.items() if any(a.type == "broken" for a in shape.anomalies)} == set(willing[1:])
    final = final_plan(own, [left], {i: m for i, m in outcome.items() if i != lost})
    assert lost not in final


def test_what_cannot_be_had_is_told_but_not_of_types_that_are_off() -> None:
    config = Config(plan=PlanConfig(types={name: TypeCounts(images=0) for name in PAPER_TYPES if name != "broken"}))
    own = planner(config, chairs(10))
    first = own.first_plan()
    assert shortfall(own, first) == {}
    nothing = final_plan(own, [first], made(first, [(i, "broken") for i in first]))
    assert shortfall(own, nothing) == {
        "broken: shapes that could not be had": 10,
        "broken: images that could not be had": 30,
    }


def test_fewer_normal_images_than_shapes_leave_some_shapes_without() -> None:
    config = Config(plan=PlanConfig(normal=ImageCounts(images=0.3, images_per_shape=(1, 4))))
    images = [s.normal_images for s in planner(config, chairs(20)).first_plan().values()]
    assert sum(images) == 6
    none = Config(plan=PlanConfig(normal=ImageCounts(images=0)))
    assert not any(s.normal_images for s in planner(none, chairs(20)).first_plan().values())


def test_the_final_plan_names_the_part_that_was_acted_on() -> None:
    own = planner(Config(), chairs(5))
    first = own.first_plan()
    outcome = made(first, [])
    shape_id, broken = next((i, a) for i, s in first.items() for a in s.anomalies if a.type == "broken")
    other = next(n for n in own.candidates(shape_id, "broken") if n.part_ids != broken.target)
    outcome[shape_id].targets[broken.name] = other.part_ids  # type: ignore[index]
    final = next(a for a in final_plan(own, [first], outcome)[shape_id].anomalies if a.type == "broken")
    assert (final.target, final.label) == (other.part_ids, other.label)


def test_more_anomalies_of_a_type_than_parts_are_not_planned() -> None:
    nodes = {"0": [Node((1,), "chair/chair_seat/seat_surface", (1, 1, 1), 0.1, 0.1)]}
    config = Config(plan=PlanConfig(types={"broken": TypeCounts(shapes=1, per_shape=3, images=6)}))
    assert sum(a.type == "broken" for a in planner(config, nodes).first_plan()["0"].anomalies) == 1

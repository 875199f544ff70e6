"""After geometry and visibility have taken their toll: other shapes and images for what is lacking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.format.labels import NORMAL, SEVERAL
from pipeline.planning.allocation import allocate_numbers
from pipeline.planning.plan import Combination, Plan, PlannedAnomaly
from pipeline.planning.planner import Planner, shape_plan, slot_key
from pipeline.planning.summary import image_counts
from pipeline.seeding import rng


@dataclass(frozen=True)
class Made:
    """What came of a shape's plan.

    cameras: anomaly name (and ``normal``) -> cameras that show it, counted up to the most that the plan
    could ask for; targets: anomaly name -> the part ids that it acts on in the end.
    """

    cameras: Mapping[str, int]
    targets: Mapping[str, tuple[int, ...]]

    def joined(self, other: Made) -> Made:
        return Made({**self.cameras, **other.cameras}, {**self.targets, **other.targets})


def as_planned(plan: Plan) -> dict[str, Made]:
    """What comes of a plan if all of it can be had."""
    made = {}
    for shape_id, shape in plan.items():
        cameras = {NORMAL: shape.normal_images, **{a.name: a.images for a in shape.anomalies}}
        made[shape_id] = Made(cameras, {a.name: a.target for a in shape.anomalies})
    return made


def plan_more(planner: Planner, plan: Plan, made: Mapping[str, Made]) -> Plan:
    """Anomalies on further shapes, as many as are lacking of each type; shapes without any are left out."""
    more: dict[str, list[PlannedAnomaly]] = defaultdict(list)
    for name, counts in planner.types.items():
        tried = {i for i, shape in plan.items() if any(a.type == name for a in shape.anomalies)}
        had = {i for i, a in _had(planner, plan, made, name)}
        target = planner.target(counts)
        chosen = [i for i in planner.willing(name) if i in plan and i not in tried][: target.shapes - len(had)]
        if chosen:
            images = round(target.images / target.shapes * len(chosen))
            for shape_id, anomaly in planner.plan_type(name, chosen, images):
                more[shape_id].append(anomaly)
    return {i: shape_plan(more[i], 0) for i in sorted(more)}


def final_plan(planner: Planner, plans: Sequence[Plan], made: Mapping[str, Made]) -> Plan:
    """What is drawn: of the first plan and what was added to it the anomalies that there are, and how many images."""
    kept: dict[str, list[PlannedAnomaly]] = {i: [] for i in plans[0]}
    for name, counts in planner.types.items():
        slots = [slot for plan in plans for slot in _had(planner, plan, made, name)]
        keys = [slot_key(i, a.index) for i, a in slots]
        capacity = [min(made[i].cameras[a.name], counts.images_per_shape[1]) for i, a in slots]
        images = planner.target(counts).images
        numbers = allocate_numbers(keys, images, counts, planner.seed, name, capacity)
        for (shape_id, anomaly), number in zip(slots, numbers, strict=True):
            target = made[shape_id].targets[anomaly.name]  # another than was planned, where that was impossible
            label = planner.label(shape_id, target)
            kept[shape_id].append(replace(anomaly, target=target, label=label, images=number, donors=()))
    normal = planner.normal_images({i: made[i].cameras[NORMAL] if i in made else 0 for i in planner.ids})
    several = _combinations(planner, made, kept)
    return {i: shape_plan(kept[i], normal[i], several.get(i, ())) for i in plans[0]}


def shortfall(planner: Planner, plan: Plan) -> dict[str, int]:
    """What the final plan lacks of what was asked for: text -> how many."""
    images = image_counts(plan)
    lacking = {}
    for name, counts in planner.types.items():
        target = planner.target(counts)
        own = [number for (_, kind), number in images.items() if kind == name]
        lacking[f"{name}: shapes that could not be had"] = target.shapes - len(own)
        lacking[f"{name}: images that could not be had"] = target.images - sum(own)
    together = planner.scaled(planner.config.several.images)
    lacking[f"{SEVERAL}: images that could not be had"] = together - sum(
        number for (_, kind), number in images.items() if kind == SEVERAL
    )
    normal = sum(number for (_, kind), number in images.items() if kind == NORMAL)
    lacking[f"{NORMAL}: images that could not be had"] = planner.scaled(planner.config.normal.images) - normal
    return {text: number for text, number in lacking.items() if number > 0}


def _had(planner: Planner, plan: Plan, made: Mapping[str, Made], anomaly_type: str) -> list[tuple[str, PlannedAnomaly]]:
    """The plan's anomalies of a type that were made and show in enough cameras."""
    least = max(1, planner.types[anomaly_type].images_per_shape[0])
    return [
        (i, a)
        for i, shape in plan.items()
        for a in shape.anomalies
        if a.type == anomaly_type and made[i].cameras.get(a.name, 0) >= least
    ]


def _combinations(
    planner: Planner, made: Mapping[str, Made], kept: Mapping[str, Sequence[PlannedAnomaly]]
) -> dict[str, tuple[Combination, ...]]:
    """Several anomalies in one image, on parts that have nothing in common."""
    counts = planner.config.several
    chosen: dict[str, tuple[str, ...]] = {}
    for shape_id in planner.by_luck(list(kept), SEVERAL):
        if len(chosen) == planner.scaled(counts.shapes):
            break
        random = rng(planner.seed, "plan", SEVERAL, shape_id)
        most = int(random.integers(*counts.together, endpoint=True))
        names: list[str] = []
        taken: set[int] = set()
        for place in random.permutation(len(kept[shape_id])):
            name = kept[shape_id][place].name
            target = made[shape_id].targets[name]
            if len(names) < most and taken.isdisjoint(target):
                names.append(name)
                taken.update(target)
        if len(names) >= counts.together[0]:
            chosen[shape_id] = tuple(sorted(names))
    numbers = allocate_numbers(list(chosen), planner.scaled(counts.images), counts, planner.seed, SEVERAL)
    return {i: (Combination(chosen[i], number),) for i, number in zip(chosen, numbers, strict=True)}

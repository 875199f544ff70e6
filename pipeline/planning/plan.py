"""The plan: every shape's anomalies, their parts and numbers of images (paper, Table 1 and part statistics)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.anomalies.kind import Kind, find_kind
from pipeline.anomalies.targets.candidates import find_candidates, salience
from pipeline.anomalies.targets.donors import slot_kind
from pipeline.anomalies.targets.nodes import Node
from pipeline.config import Config
from pipeline.format.labels import ANOMALY_TYPES, NORMAL, variant_name
from pipeline.format.part_groups import paper_share, part_group
from pipeline.planning.allocation import allocate_groups
from pipeline.planning.config import ImageCounts, TypeCounts
from pipeline.planning.spread import spread
from pipeline.seeding import rng

_Key = TypeVar("_Key")
#: (split, kind of part) -> shapes that have one.
Givers = Mapping[tuple[str, tuple[str, str, str]], set[str]]


@dataclass(frozen=True)
class PlannedAnomaly:
    """An anomaly to be made. index: unique in its shape; target: part ids tried first; views: images of it."""

    index: int
    type: str
    target: tuple[int, ...]
    label: str
    views: int

    @property
    def name(self) -> str:
        return f"{self.index}_{self.type}"


@dataclass(frozen=True)
class Combination:
    """Images with several of a shape's anomalies, by name."""

    names: tuple[str, ...]
    views: int

    @property
    def variant(self) -> str:
        return variant_name(self.names)


@dataclass(frozen=True)
class ShapePlan:
    """A shape's anomalies, the number of images of it intact, and images with several anomalies."""

    anomalies: tuple[PlannedAnomaly, ...]
    normal_views: int
    several: tuple[Combination, ...] = ()


Plan = Mapping[str, ShapePlan]


@dataclass(frozen=True)
class Target:
    """What one column of Table 1 asks for, for the shapes at hand."""

    shapes: int
    images: int


class Planner:
    """Plans for one set of shapes; everything it decides depends on its arguments alone.

    nodes: shape id -> its nodes, as the shapes stage measured them; splits: shape id -> its split,
    within which parts are exchanged.
    """

    def __init__(self, config: Config, nodes: Mapping[str, Sequence[Node]], splits: Mapping[str, str]) -> None:
        self.config = config
        wanted = {t: config.plan.types[t] for t in ANOMALY_TYPES if t in config.plan.types}
        self.types = {t: counts for t, counts in wanted.items() if counts.images and counts.shapes}
        self._ids = sorted(nodes)
        self._nodes = nodes
        self.splits = splits
        givers = _givers(nodes, splits)
        self._candidates = {t: {i: self._find(find_kind(t), i, givers) for i in self._ids} for t in self.types}

    def candidates(self, shape_id: str, anomaly_type: str) -> list[Node]:
        """Nodes of the shape that an anomaly of the type may act on; for a swap, those that a donor is like."""
        return self._candidates[anomaly_type][shape_id]

    def target(self, counts: TypeCounts) -> Target:
        """Shapes and images of a type, scaled to the shapes at hand."""
        return Target(self.scaled(counts.shapes, len(self._ids)), self.scaled(counts.images))

    @property
    def ids(self) -> list[str]:
        return self._ids

    def normal_images(self) -> int:
        return self.scaled(self.config.plan.normal.images)

    def first_plan(self) -> Plan:
        """Every shape's plan, before anything is known of what turns out impossible or invisible."""
        planned: dict[str, list[PlannedAnomaly]] = {i: [] for i in self._ids}
        for name, counts in self.types.items():
            target = self.target(counts)
            chosen = self.willing(name)[: target.shapes]
            for shape_id, anomaly in self.plan_type(name, chosen, target.images, first_instance=0):
                planned[shape_id].append(anomaly)
        normal = self.normal_views(dict.fromkeys(self._ids, self.config.plan.normal.views[1]))
        return {i: ShapePlan(tuple(sorted(planned[i], key=lambda a: a.index)), normal[i]) for i in self._ids}

    def willing(self, anomaly_type: str) -> list[str]:
        """Shapes with a candidate for the type, in the order in which they are asked."""
        ids = [i for i in self._ids if self.candidates(i, anomaly_type)]
        return sorted(ids, key=lambda i: (self._luck("shape", anomaly_type, i), i))

    def plan_type(
        self, anomaly_type: str, ids: Sequence[str], images: int, first_instance: int
    ) -> list[tuple[str, PlannedAnomaly]]:
        """Anomalies of one type for these shapes: parts by the group distribution, ``images`` in all."""
        counts = self.types[anomaly_type]
        slots = [(i, first_instance + number) for number in range(counts.per_shape) for i in ids]
        views = self._shuffled(spread(len(slots), images, *counts.views, counts.median), anomaly_type)
        options = {i: _by_group(self.candidates(i, anomaly_type)) for i in ids}
        lean = [{g: sum(map(salience, nodes)) for g, nodes in options[i].items()} for i, _ in slots]
        shares = self._shares(anomaly_type, {g for nodes in options.values() for g in nodes})
        groups = allocate_groups(lean, views, shares, rng(self.config.seed, "plan", "groups", anomaly_type))
        planned = []
        taken: dict[str, set[tuple[int, ...]]] = {i: set() for i in ids}
        for (shape_id, instance), group, number in zip(slots, groups, views, strict=True):
            others = [node for own in options[shape_id].values() for node in own]
            fresh = _but(options[shape_id][group], taken[shape_id]) or _but(others, taken[shape_id])
            if not fresh:
                continue  # more anomalies of the type than the shape has parts
            node = self._draw(fresh, anomaly_type, shape_id, instance)
            taken[shape_id].add(node.part_ids)
            index = instance * len(ANOMALY_TYPES) + ANOMALY_TYPES.index(anomaly_type)
            planned.append((shape_id, PlannedAnomaly(index, anomaly_type, node.part_ids, node.label, number)))
        return planned

    def normal_views(self, capacity: Mapping[str, int]) -> dict[str, int]:
        """Images of every shape intact: as Table 1 asks, none more than its ``capacity``."""
        counts: ImageCounts = self.config.plan.normal
        total = self.normal_images()
        lucky = sorted(self._ids, key=lambda i: (self._luck("shape", NORMAL, i), i))
        ids = sorted(lucky[: total // counts.views[0]])
        wanted = self._shuffled(spread(len(ids), total, *counts.views, counts.median), NORMAL)
        views = settle(dict(zip(ids, wanted, strict=True)), total, counts.views[0], capacity)
        return {i: views.get(i, 0) for i in self._ids}

    def label(self, shape_id: str, part_ids: tuple[int, ...]) -> str:
        """Label path of one of the shape's nodes."""
        return next(node.label for node in self._nodes[shape_id] if node.part_ids == part_ids)

    def scaled(self, count: float, most: int | None = None) -> int:
        """A count of the plan for the shapes at hand, at most ``most``."""
        number = round(count * len(self._ids) / self.config.plan.of_shapes)
        return number if most is None else min(number, most)

    def _shares(self, anomaly_type: str, groups: set[str]) -> dict[str, float]:
        if self.config.plan.part_groups == "salience":
            return {}
        shares = {group: paper_share(group, anomaly_type) for group in groups}
        return {group: share for group, share in shares.items() if share is not None}

    def _find(self, kind: Kind, shape_id: str, givers: Givers) -> list[Node]:
        found = find_candidates(self._nodes[shape_id], kind.takes_groups, self.config.anomalies)
        if not kind.needs_donor:
            return found
        split = self.splits[shape_id]
        return [n for n in found if len(givers[split, slot_kind(n.label)]) > 1]  # itself, and another

    def _draw(self, nodes: Sequence[Node], anomaly_type: str, shape_id: str, instance: int) -> Node:
        weights = [salience(node) for node in nodes]
        random = rng(self.config.seed, "plan", "part", anomaly_type, shape_id, instance)
        return nodes[int(random.choice(len(nodes), p=[w / sum(weights) for w in weights]))]

    def _shuffled(self, numbers: list[int], name: str) -> list[int]:
        return [int(n) for n in rng(self.config.seed, "plan", "views", name).permutation(numbers)]

    def _luck(self, *names: str) -> float:
        return float(rng(self.config.seed, "plan", *names).random())


def settle(wanted: Mapping[_Key, int], total: int, low: int, capacity: Mapping[_Key, int]) -> dict[_Key, int]:
    """Numbers near the wanted ones that sum to ``total``, each from ``low`` to its capacity, as far as these allow.

    What is lacking is given, and what is too much taken, one by one in the order of the keys.
    """
    numbers = {key: min(number, capacity[key]) for key, number in wanted.items()}
    while lacking := total - sum(numbers.values()):
        step = 1 if lacking > 0 else -1
        room = [key for key in numbers if low <= numbers[key] + step <= capacity[key]][: abs(lacking)]
        if not room:
            break
        for key in room:
            numbers[key] += step
    return numbers


def _but(nodes: Sequence[Node], taken: set[tuple[int, ...]]) -> list[Node]:
    return [node for node in nodes if node.part_ids not in taken]


def _by_group(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(part_group(node.label), []).append(node)
    return groups


def _givers(nodes: Mapping[str, Sequence[Node]], splits: Mapping[str, str]) -> Givers:
    givers: dict[tuple[str, tuple[str, str, str]], set[str]] = defaultdict(set)
    for shape_id, own in nodes.items():
        for node in own:
            givers[splits[shape_id], slot_kind(node.label)].add(shape_id)
    return givers

"""The first plan: every shape's anomalies, their parts and numbers of images (paper, Table 1 and part statistics)."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.kind import find_kind
from pipeline.anomalies.targets.candidates import find_candidates, salience
from pipeline.anomalies.targets.donors import Catalogue
from pipeline.anomalies.targets.nodes import Node
from pipeline.format.labels import ANOMALY_TYPES, NORMAL, SPLITS
from pipeline.format.part_groups import paper_share, part_group
from pipeline.planning.allocation import allocate_groups, allocate_numbers
from pipeline.planning.config import PlanConfig, TypeCounts
from pipeline.planning.plan import Combination, Plan, PlannedAnomaly, ShapePlan
from pipeline.seeding import uniforms


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

    def __init__(
        self,
        config: PlanConfig,
        anomalies: AnomaliesConfig,
        seed: int,
        nodes: Mapping[str, Sequence[Node]],
        splits: Mapping[str, str],
    ) -> None:
        self.config, self.seed, self.splits = config, seed, splits
        self.ids = sorted(nodes)
        wanted = {t: config.types[t] for t in ANOMALY_TYPES if t in config.types}
        self.types = {t: counts for t, counts in wanted.items() if counts.images and counts.shapes}
        self._nodes, self._anomalies = nodes, anomalies
        self._kinds = {t: find_kind(t) for t in self.types}
        self._found: dict[tuple[bool, bool], dict[str, list[Node]]] = {}

    def candidates(self, shape_id: str, anomaly_type: str) -> list[Node]:
        """Nodes of the shape that an anomaly of the type may act on; for a swap, those that a donor is like."""
        kind = self._kinds[anomaly_type]
        ask = kind.takes_groups, kind.needs_donor  # of several types alike
        if ask not in self._found:
            self._found[ask] = {i: self._find(i, *ask) for i in self.ids}
        return self._found[ask][shape_id]

    def target(self, counts: TypeCounts) -> Target:
        """Shapes and images of a type, scaled to the shapes at hand."""
        return Target(min(self.scaled(counts.shapes), len(self.ids)), self.scaled(counts.images))

    def scaled(self, count: float) -> int:
        """A count of the plan for the shapes at hand."""
        return round(count * len(self.ids) / self.config.of_shapes)

    def first_plan(self) -> Plan:
        """Every shape's plan, before anything is known of what turns out impossible or invisible."""
        planned: dict[str, list[PlannedAnomaly]] = {i: [] for i in self.ids}
        for name, counts in self.types.items():
            target = self.target(counts)
            for shape_id, anomaly in self.plan_type(name, self.willing(name)[: target.shapes], target.images):
                planned[shape_id].append(anomaly)
        normal = self.normal_images(dict.fromkeys(self.ids, self.config.normal.images_per_shape[1]))
        return {i: shape_plan(planned[i], normal[i]) for i in self.ids}

    def willing(self, anomaly_type: str) -> list[str]:
        """Shapes with a candidate for the type, in the order in which they are asked."""
        return self.by_luck([i for i in self.ids if self.candidates(i, anomaly_type)], anomaly_type)

    def by_luck(self, shape_ids: Sequence[str], name: str) -> list[str]:
        """The shapes in a random order, in which two stand alike whatever others there are."""
        luck = uniforms(self.seed, "plan", "shape", name, keys=shape_ids)
        return [i for _, i in sorted(zip(luck, shape_ids, strict=True))]

    def plan_type(self, anomaly_type: str, ids: Iterable[str], images: int) -> list[tuple[str, PlannedAnomaly]]:
        """Anomalies of one type for these shapes: parts by the group distribution, ``images`` in all."""
        counts, number = self.types[anomaly_type], ANOMALY_TYPES.index(anomaly_type)
        slots = [(i, k * len(ANOMALY_TYPES) + number) for i in sorted(ids) for k in range(counts.per_shape)]
        keys = [slot_key(*slot) for slot in slots]
        numbers = allocate_numbers(keys, images, counts, self.seed, anomaly_type)
        options = {i: _by_group(self.candidates(i, anomaly_type)) for i, _ in slots}
        leanings = {i: {g: sum(map(salience, nodes)) for g, nodes in own.items()} for i, own in options.items()}
        shares = self._shares(anomaly_type, {g for own in options.values() for g in own})
        lean = dict(zip(keys, (leanings[i] for i, _ in slots), strict=True))
        groups = allocate_groups(lean, numbers, shares, self.seed, anomaly_type)
        draws = uniforms(self.seed, "plan", "part", keys=keys)
        planned = []
        taken: set[tuple[str, tuple[int, ...]]] = set()
        for (shape_id, index), group, count, draw in zip(slots, groups, numbers, draws, strict=True):
            choices = (options[shape_id][group], self.candidates(shape_id, anomaly_type))
            fresh = next(filter(None, ([n for n in c if (shape_id, n.part_ids) not in taken] for c in choices)), None)
            if fresh is None:
                continue  # more anomalies of the type than the shape has parts
            node = _pick(fresh, draw)
            taken.add((shape_id, node.part_ids))
            donors = self._donors(shape_id, node) if self._kinds[anomaly_type].needs_donor else ()
            planned.append((shape_id, PlannedAnomaly(index, anomaly_type, node.part_ids, node.label, count, donors)))
        return planned

    def normal_images(self, capacity: Mapping[str, int]) -> dict[str, int]:
        """Images of every shape intact: as Table 1 asks, none more than its ``capacity``."""
        counts = self.config.normal
        total = self.scaled(counts.images)
        able = [i for i in self.ids if capacity[i] >= counts.images_per_shape[0]]
        ids = self.by_luck(able, NORMAL)[: total // counts.images_per_shape[0]]
        numbers = allocate_numbers(ids, total, counts, self.seed, NORMAL, [capacity[i] for i in ids])
        return dict.fromkeys(self.ids, 0) | dict(zip(ids, numbers, strict=True))

    def label(self, shape_id: str, part_ids: tuple[int, ...]) -> str:
        """Label path of one of the shape's nodes."""
        return next(node.label for node in self._nodes[shape_id] if node.part_ids == part_ids)

    @cached_property
    def _catalogues(self) -> dict[str, Catalogue]:
        """By split; made where a swap is planned, and not where a plan is only settled."""
        members: dict[str, dict[str, Sequence[Node]]] = {split: {} for split in SPLITS}
        for i in self.ids:
            members[self.splits[i]][i] = self._nodes[i]
        return {split: Catalogue(own, self._anomalies.swapped, self.seed) for split, own in members.items()}

    def _find(self, shape_id: str, takes_groups: bool, needs_donor: bool) -> list[Node]:
        found = find_candidates(self._nodes[shape_id], takes_groups, self._anomalies)
        if not needs_donor:
            return found
        catalogue = self._catalogues[self.splits[shape_id]]
        return [node for node in found if catalogue.has_like(shape_id, node)]

    def _donors(self, shape_id: str, node: Node) -> tuple[str, ...]:
        return self._catalogues[self.splits[shape_id]].shapes_for(shape_id, node)

    def _shares(self, anomaly_type: str, groups: set[str]) -> dict[str, float]:
        if self.config.part_groups == "salience":
            return {}
        shares = {group: paper_share(group, anomaly_type) for group in groups}
        return {group: share for group, share in shares.items() if share is not None}


def shape_plan(
    anomalies: Iterable[PlannedAnomaly], normal_images: int, several: tuple[Combination, ...] = ()
) -> ShapePlan:
    """A shape's plan, its anomalies in the order of their indices."""
    return ShapePlan(tuple(sorted(anomalies, key=lambda a: a.index)), normal_images, several)


def slot_key(shape_id: str, index: int) -> str:
    """What an anomaly's luck goes by."""
    return f"{shape_id} {index}"


def _by_group(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(part_group(node.label), []).append(node)
    return groups


def _pick(nodes: Sequence[Node], draw: float) -> Node:
    """One of the nodes, the salient likelier, by a number between 0 and 1."""
    ends = list(accumulate(map(salience, nodes)))
    return nodes[bisect(ends, draw * ends[-1])]

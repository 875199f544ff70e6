"""What can be acted on: the nodes of the part tree that a person would call a part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.anomalies.groups import WHOLE_NODES, group_weight, part_group
from pipeline.shapes.shape import Part, Shape


@dataclass(frozen=True)
class Node:
    """A leaf, or an inner node that is one part to a person, such as an arm.

    part_ids: ascending ids of its parts; label: its label path.
    """

    part_ids: tuple[int, ...]
    label: str


@dataclass(frozen=True)
class Candidate:
    """A node that an anomaly may act on, and its share of the object's surface area."""

    part_ids: tuple[int, ...]
    label: str
    area_share: float


def part_nodes(shape: Shape) -> list[Node]:
    """Leaves, and inner nodes below the root that hold several parts and are one part to a person.

    Those are the nodes named in ``WHOLE_NODES`` and, whatever the category, nodes of a label that
    occurs more than once (two arms, five casters, three drawers). Ordered by part ids.
    """
    members: dict[int, list[Part]] = defaultdict(list)
    labels: dict[int, str] = {}
    for part in shape.parts:
        names = part.label.split("/")
        for depth in range(1, len(part.node_path)):
            members[part.node_path[depth]].append(part)
            labels[part.node_path[depth]] = "/".join(names[: depth + 1])
    repeats = Counter(labels.values())
    nodes: dict[tuple[int, ...], Node] = {(part.part_id,): Node((part.part_id,), part.label) for part in shape.parts}
    for node_id, parts in members.items():
        label = labels[node_id]
        ids = tuple(part.part_id for part in parts)
        if ids not in nodes and (label.rsplit("/", 1)[-1] in WHOLE_NODES or repeats[label] > 1):
            nodes[ids] = Node(ids, label)
    return [nodes[ids] for ids in sorted(nodes)]


def find_candidates(shape: Shape, min_share: float, max_share: float) -> list[Candidate]:
    """Nodes whose share of the object's surface area lies in ``[min_share, max_share]``."""
    areas = np.array([part.mesh.area for part in shape.parts])
    total = float(areas.sum())
    candidates = []
    for node in part_nodes(shape):
        share = float(areas[np.array(node.part_ids) - 1].sum()) / total
        if min_share <= share <= max_share:
            candidates.append(Candidate(node.part_ids, node.label, share))
    return candidates


def choose(candidates: Sequence[Candidate], random: np.random.Generator) -> Candidate:
    """Draw a group by the paper's part statistics, then one of its nodes, likelier the larger it is.

    The square root of the area share stands for salience: a seat is easier to see than a knob, but
    not a hundred times.
    """
    salience = np.sqrt([c.area_share for c in candidates])
    groups = [part_group(c.label) for c in candidates]
    in_group: dict[str, float] = defaultdict(float)
    for group, weight in zip(groups, salience, strict=True):
        in_group[group] += float(weight)
    weights = salience * [group_weight(group) / in_group[group] for group in groups]
    return candidates[int(random.choice(len(candidates), p=weights / weights.sum()))]

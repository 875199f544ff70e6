"""Which nodes of a shape an anomaly of a type may act on, and in which order they are tried."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.targets.nodes import Node
from pipeline.format.part_groups import part_group

#: How much likelier one part is drawn than all of its kind at once.
SINGLE_PREFERENCE = 4.0


def find_candidates(nodes: Sequence[Node], takes_groups: bool, config: AnomaliesConfig) -> list[Node]:
    """Nodes large enough and seen well enough, and not almost the whole object; groups where they may be taken."""
    return [
        node
        for node in nodes
        if config.min_part_area_share <= node.area_share <= config.max_part_area_share
        and node.visible_share >= max(config.min_part_visible_share, 1e-6)  # nobody sees what no camera does
        and (node.instances == 1 or takes_groups)
    ]


def salience(node: Node) -> float:
    """How much a node draws the eye: the square root of its share of the object's pixels.

    A seat is easier to see than a knob, but not a hundred times.
    """
    return math.sqrt(node.visible_share) / (SINGLE_PREFERENCE if node.instances > 1 else 1.0)


def order(candidates: Sequence[Node], first: Node, random: np.random.Generator) -> list[Node]:
    """``first``, then the others at random: new labels before further instances, its group before others, the
    salient likelier sooner.

    What is impossible with one leg is mostly so with the next. (Gumbel's trick: sorting by log weight plus
    Gumbel noise draws without replacement by weight.)
    """
    others = [node for node in candidates if node.part_ids != first.part_ids]
    noise = random.gumbel(size=len(others))
    luck = {n.part_ids: float(np.log(salience(n)) + g) for n, g in zip(others, noise, strict=True)}
    seen = Counter([first.label])
    repeats = {}
    for node in sorted(others, key=lambda n: -luck[n.part_ids]):
        repeats[node.part_ids] = seen[node.label]
        seen[node.label] += 1
    group = part_group(first.label)
    key = {n.part_ids: (repeats[n.part_ids], part_group(n.label) != group, -luck[n.part_ids]) for n in others}
    return [first, *sorted(others, key=lambda n: key[n.part_ids])]

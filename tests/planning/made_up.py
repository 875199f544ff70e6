"""Made-up chairs: nodes alone, with labels, sizes and instances about as often as PartNet's chairs have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.anomalies.targets.nodes import Node
from pipeline.config import Config
from pipeline.planning.planner import Planner
from pipeline.planning.splits import assign_splits


@dataclass(frozen=True)
class Usual:
    """A part as it usually is. often: share of the chairs that have it; instances: how many, also as one node;
    extents: (x, y, z) of one; area, visible: shares of the object's surface and pixels."""

    label: str
    often: float
    instances: int
    extents: tuple[float, float, float]
    area: float
    visible: float


USUAL = [
    Usual("chair/chair_base/regular_leg_base/leg", 0.68, 4, (0.08, 0.74, 0.13), 0.04, 0.026),
    Usual("chair/chair_base/regular_leg_base/bar_stretcher", 0.4, 4, (0.08, 0.05, 0.55), 0.023, 0.015),
    Usual("chair/chair_base/foot_base/foot", 0.15, 4, (0.08, 0.13, 0.08), 0.012, 0.005),
    Usual("chair/chair_base/star_leg_base/star_leg_set/leg", 0.1, 5, (0.33, 0.2, 0.4), 0.025, 0.02),
    Usual("chair/chair_base/star_leg_base/star_leg_set/caster", 0.08, 5, (0.06, 0.1, 0.09), 0.011, 0.004),
    Usual("chair/chair_base/pedestal_base", 0.07, 1, (0.6, 0.8, 0.6), 0.2, 0.15),
    Usual("chair/chair_back/back_surface/back_single_surface", 0.7, 1, (0.8, 0.6, 0.23), 0.19, 0.29),
    Usual("chair/chair_back/back_surface/back_surface_vertical_bar", 0.2, 6, (0.06, 0.6, 0.1), 0.02, 0.025),
    Usual("chair/chair_back/back_frame/back_frame_vertical_bar", 0.4, 2, (0.055, 0.85, 0.25), 0.039, 0.054),
    Usual("chair/chair_back/back_frame", 0.4, 1, (0.75, 0.86, 0.3), 0.12, 0.16),
    Usual("chair/chair_back/back_support", 0.12, 1, (0.13, 0.7, 0.4), 0.06, 0.04),
    Usual("chair/chair_seat/seat_surface/seat_single_surface", 0.95, 1, (0.8, 0.14, 0.78), 0.28, 0.28),
    Usual("chair/chair_seat/seat_frame", 0.3, 1, (0.8, 0.09, 0.7), 0.12, 0.05),
    Usual("chair/chair_seat/seat_support", 0.35, 1, (0.75, 0.2, 0.6), 0.1, 0.02),
    Usual("chair/chair_arm", 0.35, 2, (0.16, 0.45, 0.66), 0.07, 0.07),
    Usual("chair/chair_arm/arm_horizontal_bar", 0.3, 2, (0.11, 0.055, 0.6), 0.02, 0.03),
    Usual("chair/chair_arm/arm_sofa_style", 0.2, 2, (0.17, 0.6, 0.9), 0.12, 0.15),
    Usual("chair/chair_head", 0.08, 1, (0.5, 0.22, 0.16), 0.04, 0.07),
    Usual("chair/footrest", 0.03, 1, (0.6, 0.2, 0.6), 0.07, 0.1),
]


def chairs(count: int) -> dict[str, list[Node]]:
    """Shape id -> nodes. The first chairs are the same whatever the count."""
    return {str(number): _chair(number) for number in range(count)}


def planner(config: Config, nodes: Mapping[str, Sequence[Node]]) -> Planner:
    """The planner of a run with these shapes, no two of one model."""
    shape_splits = assign_splits(dict.fromkeys(nodes, ""), config.split, config.seed)
    return Planner(config.plan, config.anomalies, config.seed, nodes, shape_splits)


def _chair(number: int) -> list[Node]:
    random = np.random.default_rng([5, number])
    own = [part for part, luck in zip(USUAL, random.random(len(USUAL)), strict=True) if luck < part.often] or USUAL[:1]
    sizes = np.array([part.extents for part in own]) * np.exp(random.normal(0, 0.3, (len(own), 3)))
    factors = np.exp(random.normal(0, 0.4, len(own)))
    unlike = np.exp(random.normal(0, 0.03, (sum(part.instances for part in own), 3)))
    nodes: list[Node] = []
    next_id = 1
    for part, size, factor in zip(own, sizes, factors.tolist(), strict=True):
        area, visible = min(0.5, part.area * factor), min(0.5, part.visible * factor)
        ids = tuple(range(next_id, next_id + part.instances))
        for part_id, (x, y, z) in zip(ids, (size * unlike[next_id - 1 : ids[-1]]).tolist(), strict=True):
            nodes.append(Node((part_id,), part.label, (x, y, z), area, visible))
        if part.instances > 1:
            count, (x, y, z) = part.instances, (2 * size).tolist()
            nodes.append(Node(ids, part.label, (x, y, z), min(0.6, count * area), min(0.6, count * visible), count))
        next_id = ids[-1] + 1
    return nodes

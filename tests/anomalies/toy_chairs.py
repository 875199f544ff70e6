"""Chairs made of boxes, whose measures are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.kind import find_kind
from pipeline.anomalies.targets.candidates import find_candidates
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node, find_nodes
from pipeline.anomalies.task import Task
from pipeline.shapes.shape import Part, Shape, make_mesh

BACK = "chair/chair_back/back_surface/back_single_surface"
SEAT = "chair/chair_seat/seat_surface/seat_single_surface"
LEG = "chair/chair_base/regular_leg_base/leg"
ARM = "chair/chair_arm"


LabelledPart = tuple[str, tuple[int, ...], trimesh.Trimesh]  # label, node path, mesh


def box(size: tuple[float, float, float], centre: tuple[float, float, float]) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(extents=size)
    return make_mesh(np.asarray(mesh.vertices) + centre, np.asarray(mesh.faces))


def assemble(shape_id: str, parts: Sequence[LabelledPart]) -> Shape:
    seen: dict[str, int] = {}
    made = []
    for number, (label, path, mesh) in enumerate(parts, start=1):
        made.append(Part(number, label, seen.get(label, 0), path, mesh))
        seen[label] = seen.get(label, 0) + 1
    return Shape(shape_id, "", "Chair", tuple(made))


def chair(shape_id: str = "toy", leg: float = 0.08, back: float = 0.6) -> Shape:
    """Seat (1), back (2), four legs (3-6), two arms of a post and a rest each (7-10).

    ``leg`` is the legs' thickness, ``back`` the height of the back.
    """
    parts: list[LabelledPart] = [
        (SEAT, (0, 1, 2, 3), box((0.8, 0.1, 0.8), (0, 0, 0))),
        (BACK, (0, 4, 5, 6), box((0.8, back, 0.08), (0, 0.05 + back / 2, -0.36))),
    ]
    for number, (x, z) in enumerate([(-0.3, -0.3), (-0.3, 0.3), (0.3, -0.3), (0.3, 0.3)]):
        parts.append((LEG, (0, 7, 8, 10 + number), box((leg, 0.5, leg), (x, -0.3, z))))
    for number, x in enumerate((-0.37, 0.37)):
        node = 20 + 3 * number
        parts.append((f"{ARM}/arm_near_vertical_bar", (0, node, node + 1), box((0.06, 0.2, 0.06), (x, 0.15, 0.3))))
        parts.append((f"{ARM}/arm_horizontal_bar", (0, node, node + 2), box((0.06, 0.04, 0.7), (x, 0.27, 0))))
    return assemble(shape_id, parts)


def catalogue(*shapes: Shape) -> Donors:
    by_id = {shape.shape_id: shape for shape in shapes}
    return Donors({i: find_nodes(shape) for i, shape in by_id.items()}, by_id.__getitem__)


def task(shape: Shape, *part_ids: int, donors: Donors | None = None, config: AnomaliesConfig | None = None) -> Task:
    area = sum(shape.part(i).mesh.area for i in part_ids) / sum(p.mesh.area for p in shape.parts)
    x, y, z = np.ptp(np.vstack([shape.part(i).mesh.vertices for i in part_ids]), axis=0)
    target = Node(part_ids, shape.part(part_ids[0]).label, (x, y, z), float(area), 0.1)
    return Task(shape, target, donors or catalogue(), config or AnomaliesConfig(), seed=0)


def targets(shape: Shape, anomaly_type: str = "positional", config: AnomaliesConfig | None = None) -> list[Node]:
    """The shape's candidates for a type, in a fixed order."""
    return find_candidates(find_nodes(shape), find_kind(anomaly_type).takes_groups, config or AnomaliesConfig())

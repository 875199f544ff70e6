"""The shapes that benchmarks work on: synthetic chairs, and real ones where L3D_PARTNET names a folder of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node, find_nodes
from pipeline.config import Config
from pipeline.errors import UnitRejected
from pipeline.format.labels import PAPER_TYPES
from pipeline.planning.config import PlanConfig, TypeCounts
from pipeline.planning.plan import Plan, PlannedAnomaly
from pipeline.planning.planner import Planner
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.shape import Shape
from pipeline.shapes.sources import Source, parse_source


@dataclass(frozen=True)
class Collection:
    """Shapes of one source, measured, planned and ready to exchange parts."""

    name: str
    shapes: Mapping[str, Shape]
    nodes: Mapping[str, list[Node]]
    planner: Planner
    plan: Plan

    def donors(self, planned: PlannedAnomaly) -> Donors:
        """The parts that a planned swap may take."""
        return Donors({i: self.nodes[i] for i in planned.donors}, self.shapes.__getitem__)


def collections(synthetic: int, per_shape: int, types: tuple[str, ...]) -> list[Collection]:
    """Real chairs first, if there are any; every shape is planned ``per_shape`` anomalies of every type."""
    partnet = os.environ.get("L3D_PARTNET")
    sources = {"real": f"partnet:{partnet}"} if partnet else {}
    with tempfile.TemporaryDirectory() as scratch:
        read = {}
        for name, text in {**sources, "synthetic": f"synthetic:{synthetic}"}.items():
            source = parse_source(text, 0, Path(scratch), ShapesConfig())
            read[name] = dict(_readable(source))
    return [_collection(name, shapes, per_shape, types) for name, shapes in read.items()]


def _readable(source: Source) -> Iterator[tuple[str, Shape]]:
    for shape_id in source.ids():
        try:
            yield shape_id, source.read(shape_id)
        except UnitRejected as rejection:
            print(f"left out: {rejection.message}")


def _collection(name: str, shapes: dict[str, Shape], per_shape: int, types: tuple[str, ...]) -> Collection:
    nodes = {i: find_nodes(shape) for i, shape in shapes.items()}
    counts = TypeCounts(per_shape=per_shape, images=2 * per_shape, images_per_shape=(1, 3))
    off = dict.fromkeys(PAPER_TYPES, TypeCounts(images=0))
    config = Config(plan=PlanConfig(types={**off, **dict.fromkeys(types, counts)}))
    planner = Planner(config.plan, config.anomalies, config.seed, nodes, dict.fromkeys(nodes, "train"))
    return Collection(name, shapes, nodes, planner, planner.first_plan())

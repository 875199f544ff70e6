"""What one draw of one anomaly works on, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import trimesh

from pipeline.anomalies.anomaly import Appearance
from pipeline.anomalies.donors import Donors
from pipeline.anomalies.measure import REST_SAMPLES, SAMPLES, Points, join, sample
from pipeline.anomalies.nodes import Node
from pipeline.config import AnomaliesConfig
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape


@dataclass(frozen=True)
class Task:
    """One attempt: act on ``target`` of ``shape``. The sampled surfaces are the same for every attempt."""

    shape: Shape
    target: Node
    donors: Donors
    config: AnomaliesConfig
    seed: int

    @cached_property
    def old(self) -> trimesh.Trimesh:
        """The target's parts in one mesh."""
        return join(self.shape.part(i).mesh for i in self.target.part_ids)

    @cached_property
    def old_points(self) -> Points:
        """(SAMPLES, 3) points of the target's surface."""
        return sample(self.old, SAMPLES, self._random("target"))

    @cached_property
    def rest_points(self) -> Points:
        """(REST_SAMPLES, 3) points of everything but the target."""
        rest = join(p.mesh for p in self.shape.parts if p.part_id not in self.target.part_ids)
        return sample(rest, REST_SAMPLES, self._random("rest"))

    def _random(self, name: str) -> np.random.Generator:
        return rng(self.seed, "anomalies", self.shape.shape_id, "samples", name, *self.target.part_ids)


@dataclass(frozen=True)
class Change:
    """What a draw made. replaced: part id -> new mesh, or None where the part is gone, for every target part.

    parameters: what was drawn; measured: numbers and the method that only the drawing code knows.
    Both JSON-serialisable. appearance: of a change that replaces nothing.
    """

    replaced: Mapping[int, trimesh.Trimesh | None]
    parameters: Mapping[str, Any]
    measured: Mapping[str, Any]
    appearance: Appearance | None = None

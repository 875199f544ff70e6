"""Which anomalies a shape gets, and how many images of each (paper, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from pipeline.config import AnomalyType, Config
from pipeline.seeding import rng


@dataclass(frozen=True)
class PlannedAnomaly:
    """Anomaly number ``index`` of its shape, its type, and how many images it gets."""

    index: int
    type: str
    views: int


@dataclass(frozen=True)
class ShapePlan:
    """A shape's anomalies, and the number of images of it intact."""

    anomalies: tuple[PlannedAnomaly, ...]
    normal_views: int


def plan_shape(config: Config, shape_id: str) -> ShapePlan:
    """Draw a shape's plan from ``config.plan``; it depends on the run's seed and the shape's id alone."""
    plan = config.plan
    random = rng(config.seed, "plan", shape_id)
    # One draw a type whatever the shares, so that changing one type's share leaves the others alone.
    draws = [
        (t, random.random(), int(random.integers(*plan.views_per_anomaly, endpoint=True)))
        for t in get_args(AnomalyType)
    ]
    chosen = [(t, views) for t, luck, views in draws if luck < plan.shape_share.get(t, 0.0)]
    anomalies = tuple(PlannedAnomaly(index, t, views) for index, (t, views) in enumerate(chosen))
    return ShapePlan(anomalies, int(random.integers(*plan.views_normal, endpoint=True)))

"""Which anomalies a shape gets, and how many images of each (paper, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.anomalies.anomaly import ANOMALY_TYPES
from pipeline.config import Config
from pipeline.seeding import rng


@dataclass(frozen=True)
class PlannedAnomaly:
    """An anomaly's type, its index (the type's place in ANOMALY_TYPES), and how many images it gets."""

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
    draws = [(t, random.random(), int(random.integers(*plan.views_per_anomaly, endpoint=True))) for t in ANOMALY_TYPES]
    anomalies = tuple(
        PlannedAnomaly(index, t, views)
        for index, (t, luck, views) in enumerate(draws)
        if luck < getattr(plan.shape_share, t) and views
    )
    return ShapePlan(anomalies, int(random.integers(*plan.views_normal, endpoint=True)))

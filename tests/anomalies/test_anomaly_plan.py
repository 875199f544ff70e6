from __future__ import annotations

import numpy as np
import pytest

from pipeline.anomalies.anomaly import ANOMALY_TYPES
from pipeline.anomalies.plan import plan_shape
from pipeline.config import Config, PlanConfig, TypeShares

IDS = [str(i) for i in range(400)]


def test_default_plan_has_every_type_once_in_order_with_views_in_range() -> None:
    config = Config()
    for shape_id in IDS[:50]:
        plan = plan_shape(config, shape_id)
        assert tuple(a.type for a in plan.anomalies) == ANOMALY_TYPES
        assert [a.index for a in plan.anomalies] == [0, 1, 2, 3, 4]
        assert all(1 <= a.views <= 7 for a in plan.anomalies)
        assert 1 <= plan.normal_views <= 12


def test_share_of_shapes_with_a_type_is_the_configured_one() -> None:
    config = Config(plan=PlanConfig(shape_share=TypeShares(positional=0, rotational=0, broken=0.7, missing=0)))
    types = [[a.type for a in plan_shape(config, i).anomalies] for i in IDS]
    assert np.mean(["broken" in t for t in types]) == pytest.approx(0.7, abs=0.07)
    assert all("swapped" in t and "missing" not in t and "positional" not in t for t in types)


def test_images_per_anomaly_average_to_the_middle_of_the_range() -> None:
    plans = [plan_shape(Config(), i) for i in IDS]
    views = [a.views for plan in plans for a in plan.anomalies]
    assert np.mean(views) == pytest.approx(4.0, abs=0.15)
    assert set(views) == set(range(1, 8))
    assert {plan.normal_views for plan in plans} == set(range(1, 13))


def test_one_types_share_leaves_the_plan_of_the_others_alone() -> None:
    less = Config(plan=PlanConfig(shape_share=TypeShares(positional=0.0)))
    for shape_id in IDS[:20]:
        full, part = plan_shape(Config(), shape_id), plan_shape(less, shape_id)
        assert [(a.type, a.views) for a in full.anomalies[1:]] == [(a.type, a.views) for a in part.anomalies]
        assert full.normal_views == part.normal_views


def test_plan_depends_on_seed_and_shape() -> None:
    assert plan_shape(Config(), "1") == plan_shape(Config(), "1")
    assert len({plan_shape(Config(seed=seed), i) for seed in (0, 1) for i in ("1", "2")}) == 4

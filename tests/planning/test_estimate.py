from __future__ import annotations

import pytest

from pipeline.planning.estimate import Estimate, estimate
from pipeline.planning.plan import Plan, PlannedAnomaly, ShapePlan
from pipeline.rendering.config import RenderConfig
from pipeline.views.config import ViewsConfig


def plan(shapes: int) -> dict[str, ShapePlan]:
    leg = PlannedAnomaly(0, "broken", (1,), "chair/leg", 4)
    return {str(i): ShapePlan((leg,), 6) for i in range(shapes)}


def cost(plan: Plan, render: RenderConfig | None = None, views: ViewsConfig | None = None) -> Estimate:
    return estimate(plan, views or ViewsConfig(), render or RenderConfig())


def test_cost_grows_with_the_number_of_shapes_and_its_images_with_their_pixels_and_samples() -> None:
    small = cost(plan(10))
    assert cost(plan(30)).core_seconds == pytest.approx(3 * small.core_seconds)
    assert cost(plan(30)).bytes == pytest.approx(3 * small.bytes)
    large = cost(plan(10), views=ViewsConfig(resolution=512))
    assert 2 < large.core_seconds / small.core_seconds < 4
    assert 3 < large.bytes / small.bytes < 4
    noisy, middle, fine = (cost(plan(10), RenderConfig(samples=n)) for n in (8, 16, 24))
    assert middle.core_seconds - noisy.core_seconds == pytest.approx((fine.core_seconds - noisy.core_seconds) / 2)
    assert middle.core_seconds > noisy.core_seconds


def test_counterfactuals_cost_as_much_as_photos() -> None:
    """Four of every ten images have an anomaly: without their counterfactuals ten photos are drawn instead of 14."""
    costs = [cost(plan(10), RenderConfig(counterfactual_share=share)).core_seconds for share in (0, 0.5, 1)]
    one = cost({"0": ShapePlan((), 2)}).core_seconds - cost({"0": ShapePlan((), 1)}).core_seconds
    assert costs[2] - costs[0] == pytest.approx(40 * one)
    assert costs[1] - costs[0] == pytest.approx(20 * one)

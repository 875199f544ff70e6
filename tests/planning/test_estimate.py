from __future__ import annotations

import pytest

from pipeline.config import Config, RenderConfig, ViewsConfig
from pipeline.planning.estimate import estimate
from pipeline.planning.plan import PlannedAnomaly, ShapePlan


def plan(shapes: int) -> dict[str, ShapePlan]:
    leg = PlannedAnomaly(0, "broken", (1,), "chair/leg", 4)
    return {str(i): ShapePlan((leg,), 6) for i in range(shapes)}


def test_cost_grows_with_the_number_of_shapes_and_its_images_with_their_pixels_and_samples() -> None:
    small = estimate(plan(10), Config())
    assert estimate(plan(30), Config()).core_seconds == pytest.approx(3 * small.core_seconds)
    assert estimate(plan(30), Config()).bytes == pytest.approx(3 * small.bytes)
    large = estimate(plan(10), Config(views=ViewsConfig(resolution=512)))
    assert 2 < large.core_seconds / small.core_seconds < 4
    assert 3 < large.bytes / small.bytes < 4
    noisy = estimate(plan(10), Config(render=RenderConfig(samples=8)))
    fine = estimate(plan(10), Config(render=RenderConfig(samples=24)))
    assert small.core_seconds - noisy.core_seconds == pytest.approx((fine.core_seconds - noisy.core_seconds) / 2)

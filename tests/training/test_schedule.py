"""The learning rate as a function of the step."""

from __future__ import annotations

import pytest

from pipeline.training.schedule import learning_rate
from tests.training.synthetic import TINY


def test_warm_up_rises_linearly_to_the_constant_rate() -> None:
    config = TINY.model_copy(update={"learning_rate": 0.4, "warmup_steps": 4})
    assert [learning_rate(config, step, 100) for step in (1, 2, 4, 5, 100)] == pytest.approx([0.1, 0.2, 0.4, 0.4, 0.4])


def test_cosine_is_half_way_down_in_the_middle_and_zero_at_the_end() -> None:
    config = TINY.model_copy(update={"learning_rate": 0.4, "warmup_steps": 20, "schedule": "cosine"})
    assert [learning_rate(config, step, 100) for step in (20, 60, 100)] == pytest.approx([0.4, 0.2, 0.0])
    assert learning_rate(config, 40, 100) == pytest.approx(0.4 * (1 + 0.5**0.5) / 2)

"""Which images the render stage draws once more on the intact shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.config import Config
from pipeline.rendering.config import RenderConfig
from pipeline.stages.render import is_compared
from pipeline.views.config import ViewsConfig
from pipeline.views.select import View, ViewSelector
from tests.scenes import knob_moved, knob_resurfaced, three_cubes

VIEWS = ViewsConfig(resolution=32)
SELECTED = ViewSelector(three_cubes(), VIEWS, 0).select([((), 1), ((knob_moved(0.25),), 1), ((knob_resurfaced(),), 1)])
NORMAL, MOVED, STAINED = SELECTED.views


def compared(share: float, views: list[View], seed: int = 0) -> list[bool]:
    config = Config(seed=seed, render=RenderConfig(counterfactual_share=share))
    return [is_compared(config, "cubes", view) for view in views]


def test_changes_of_surface_always_are_and_others_by_their_share() -> None:
    assert compared(0.0, [NORMAL, MOVED, STAINED]) == [False, False, True]
    assert compared(1.0, [NORMAL, MOVED, STAINED]) == [False, True, True]


def test_a_share_is_drawn_by_seed_and_name() -> None:
    many = [replace(MOVED, name=f"render_{number}") for number in range(400)]
    half = compared(0.5, many)
    assert 160 < np.sum(half) < 240
    assert half[::-1] == compared(0.5, many[::-1]), "it does not depend on the order"
    assert half != compared(0.5, many, seed=1)
    more = compared(0.7, many)
    assert all(later for earlier, later in zip(half, more, strict=True) if earlier), "a larger share adds"

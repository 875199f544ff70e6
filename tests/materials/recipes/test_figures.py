"""Figures of patterned cloth: they repeat, and they are the shapes that they are named for."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from materials.recipes.fabric.figures import Figure, draw_figure

U, V = np.meshgrid((np.arange(64) + 0.3) / 64, (np.arange(64) + 0.3) / 64)


@pytest.mark.parametrize("name", get_args(Figure))
def test_figure_repeats_with_period_one_and_shows(name: Figure) -> None:
    layers = draw_figure(name, U, V)
    for layer, moved in zip(layers, draw_figure(name, U + 2.0, V - 1.0), strict=True):
        np.testing.assert_allclose(layer, moved, atol=1e-6)
        assert layer.min() >= 0.0 and layer.max() <= 1.0
        assert 0.002 < layer.mean() < 0.8


def test_dots_cover_the_area_of_two_circles() -> None:
    x, y = np.meshgrid(np.arange(400) / 400, np.arange(400) / 400)
    (dots,) = draw_figure("dots", x, y)
    assert dots.mean() == pytest.approx(2 * np.pi * 0.16**2, rel=0.01)


def test_chevron_is_half_covered_and_climbs_half_a_repeat() -> None:
    x = np.array([[0.0, 0.5]])
    low, high = draw_figure("chevron", x, np.full_like(x, 0.5))[0][0]
    assert (low, high) == (1.0, 0.5)  # middle of the band; its edge, a quarter further up

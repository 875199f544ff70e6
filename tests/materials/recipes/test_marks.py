"""Strokes, scratches and shares of a surface."""

from __future__ import annotations

import numpy as np
import pytest

from materials.noise import Canvas, fractal
from materials.recipes.marks import covered, scratches, strokes


def _canvas(size: int = 256) -> Canvas:
    return Canvas(size, np.random.default_rng(5))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_covered_share_of_a_noise(share: float) -> None:
    noise = fractal(_canvas(), low=12, falloff=0.3)
    assert covered(noise, share).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("share", "everywhere"), [(0.0, 0.0), (1.0, 1.0)])
def test_covered_nothing_and_everything(share: float, everywhere: float) -> None:
    noise = fractal(_canvas(), low=12, falloff=0.3)
    assert covered(noise, share).mean() == pytest.approx(everywhere, abs=0.001)


def test_straight_stroke_along_v_has_its_length_and_width() -> None:
    drawn = strokes(_canvas(), 1, (0.25, 0.25), bend=0.0, spread=0.0)
    touched = np.isfinite(drawn.distance)
    columns, rows = (touched.any(axis=axis).mean() for axis in (0, 1))
    assert columns == pytest.approx(2 * 0.008, abs=2 / 256)
    assert rows == pytest.approx(0.25 + 2 * 0.008, abs=2 / 256)


def test_strokes_cross_the_edges_of_the_tile() -> None:
    line = strokes(_canvas(), 400, (0.3, 0.3)).line(0.02)
    steps = np.abs(np.roll(line, -1, axis=1) - line).mean(axis=0)
    assert steps[-1] <= 1.3 * steps[:-1].max()


def test_scratches_do_not_depend_on_the_size() -> None:
    np.testing.assert_allclose(scratches(_canvas(512), 0.5)[::2, ::2], scratches(_canvas(), 0.5), atol=1e-12)


def test_amount_of_scratches() -> None:
    few, many = (scratches(_canvas(), amount).mean() for amount in (0.1, 1.0))
    assert 0.0 < few < many < 0.1

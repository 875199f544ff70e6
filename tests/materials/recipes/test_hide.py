"""Dye, stitches and scratches of leather."""

from __future__ import annotations

import numpy as np

from materials.color import linear
from materials.noise import Canvas
from materials.recipes.leather.hide import dyed, scratches, stitches
from pipeline.seeding import rng

TAN = linear("#b0763f")


def test_no_more_dye_leaves_the_colour() -> None:
    np.testing.assert_allclose(dyed(TAN, np.zeros((2, 2))), np.broadcast_to(TAN, (2, 2, 3)))


def test_more_dye_is_darker_and_richer() -> None:
    pale, deep = dyed(TAN, np.array([[-0.3, 0.3]]))[0]
    assert (deep < pale).all()
    assert deep.min() / deep.max() < pale.min() / pale.max()


def test_a_seam_has_one_stitch_a_unit_with_gaps_between() -> None:
    along = np.arange(0.0, 3.0, 0.01)
    thread = stitches(np.zeros_like(along), along, 0.1) > 0.5
    assert np.count_nonzero(np.diff(thread.astype(int)) == 1) == 3
    assert not (stitches(np.full_like(along, 0.11), along, 0.1) > 0).any()


def test_scratches_cross_the_tile_border_and_leave_most_of_it_alone() -> None:
    marks = scratches(Canvas(256, rng(0, "scratches")), 60, 0.004)
    assert 0.0 <= marks.min() < marks.max() <= 1.0
    assert (marks > 0.1).mean() < 0.25
    assert np.abs(marks[0] - marks[-1]).mean() < 3 * np.abs(np.diff(marks, axis=0)).mean()

"""Boxes by the reference's parts."""

from __future__ import annotations

import numpy as np

from pipeline.training.aligning.boxing import part_box

#: A part of 4 x 8 pixels with its upper left corner at (2, 1), before another.
IDS = np.full((8, 16), 2, dtype=np.uint16)
IDS[1:5, 2:10] = 1
NOTHING = np.zeros(IDS.shape)


def test_of_a_part_that_is_gone_the_box_is_where_it_was_though_the_map_has_holes() -> None:
    old = np.where(IDS == 1, 0.9, 0.0)
    old[2, 3:7] = 0.3
    box = part_box(old, NOTHING, IDS)
    assert box is not None
    np.testing.assert_allclose(box, [6 / 16, 3 / 8, 8 / 16, 4 / 8])


def test_of_a_broken_part_the_box_is_around_what_is_left() -> None:
    old = np.where(IDS == 1, 0.9, 0.0)
    old[:, :5] = 0.0  # three of its eight columns
    box = part_box(old, NOTHING, IDS)
    assert box is not None
    np.testing.assert_allclose(box, [3.5 / 16, 3 / 8, 3 / 16, 4 / 8])


def test_of_a_part_that_moved_a_little_the_box_is_around_all_of_it_though_only_its_rims_changed() -> None:
    old, new = np.zeros(IDS.shape), np.zeros(IDS.shape)
    old[1:5, 2:4], new[1:5, 10:12] = 0.9, 0.9  # two columns to the right
    box = part_box(old, new, IDS)
    assert box is not None
    np.testing.assert_allclose(box, [8 / 16, 3 / 8, 8 / 16, 4 / 8])


def test_of_a_part_that_moved_far_the_box_is_where_it_is_now() -> None:
    old = np.where(IDS == 1, 0.9, 0.0)
    new = np.zeros(IDS.shape)
    new[6:8, 0:4] = 0.9
    box = part_box(old, new, IDS)
    assert box is not None
    np.testing.assert_allclose(box, [2 / 16, 7 / 8, 4 / 16, 2 / 8])


def test_of_what_shows_in_front_of_a_part_that_lacks_nothing_the_box_leaves_that_part_out() -> None:
    new = np.zeros(IDS.shape)
    new[2:4, 3:5] = 0.9
    box = part_box(NOTHING, new, IDS)
    assert box is not None
    np.testing.assert_allclose(box, [4 / 16, 3 / 8, 2 / 16, 2 / 8])


def test_where_no_part_is_alike_the_maps_have_the_word() -> None:
    assert part_box(np.where(IDS == 1, 0.9, 0.0), NOTHING, np.zeros_like(IDS)) is None

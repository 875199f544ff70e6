"""Flips and crops, and the boxes that follow them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.seeding import rng
from pipeline.training.augment import MIN_BOX_KEPT, Window, draw_window, whole

SIZE = (64, 96)  # height, width


@st.composite
def boxes(draw: st.DrawFn) -> np.ndarray:
    """Integer boxes of at least 12 x 12 pixels inside an image of SIZE."""
    width, height = draw(st.integers(12, SIZE[1])), draw(st.integers(12, SIZE[0]))
    return np.array([draw(st.integers(0, SIZE[1] - width)), draw(st.integers(0, SIZE[0] - height)), width, height])


def drawn_extent(image: np.ndarray) -> np.ndarray:
    """[x, y, w, h] of the pixels that are mostly white."""
    rows, columns = np.nonzero(image > 127)
    return np.array([columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min()])


@settings(deadline=None)
@given(boxes(), st.integers(0, 10_000), st.sampled_from([1.0, 0.875, 0.5]))
def test_the_moved_box_is_where_the_pixels_went(box: np.ndarray, seed: int, crop_share: float) -> None:
    image = np.zeros(SIZE, dtype=np.uint8)
    x, y, w, h = box
    image[y : y + h, x : x + w] = 255
    window = draw_window(rng(seed), SIZE, box, crop_share, flip=True)
    moved = window.move_box(box, SIZE)
    found = drawn_extent(window.apply(image, Image.Resampling.BILINEAR))
    corners = [np.concatenate([b[:2], b[:2] + b[2:]]) for b in (moved, found)]
    assert np.abs(corners[0] - corners[1]).max() <= 1.5
    assert (corners[0] >= 0).all() and (corners[0] <= np.tile(SIZE[::-1], 2)).all()


@settings(deadline=None)
@given(boxes(), st.integers(0, 10_000))
def test_most_of_the_anomalys_box_always_stays(box: np.ndarray, seed: int) -> None:
    window = draw_window(rng(seed), SIZE, box, 0.5, flip=True)
    scale = SIZE[0] / window.height * SIZE[1] / window.width
    moved = window.move_box(box, SIZE)
    assert moved[2] * moved[3] / scale >= MIN_BOX_KEPT * box[2] * box[3] - 1e-6


def test_a_box_that_no_crop_can_keep_leaves_the_image_whole() -> None:
    box = np.array([0, 0, SIZE[1], SIZE[0]])
    assert draw_window(rng(0), SIZE, box, 0.5, flip=False) == whole(SIZE)


def test_the_whole_window_changes_nothing() -> None:
    image = rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    assert np.array_equal(whole(SIZE).apply(image, Image.Resampling.BILINEAR), image)


def test_flipping_twice_gives_the_image_and_the_box_back() -> None:
    image, box = rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8), np.array([10.0, 20.0, 30.0, 5.0])
    flip = Window(0, 0, SIZE[1], SIZE[0], flip=True)
    once = flip.apply(image, Image.Resampling.BILINEAR)
    assert np.array_equal(once, image[:, ::-1])
    assert np.array_equal(flip.apply(once, Image.Resampling.BILINEAR), image)
    assert flip.move_box(box, SIZE).tolist() == [56, 20, 30, 5]
    assert flip.move_box(flip.move_box(box, SIZE), SIZE).tolist() == box.tolist()


def test_a_crop_of_seven_eighths_is_224_of_256_and_boxes_scale_with_it() -> None:
    window = draw_window(rng(1), (256, 256), np.zeros(4), 0.875, flip=False)
    assert (window.width, window.height) == (224, 224)
    moved = Window(16, 8, 224, 224).move_box(np.array([16, 8, 112, 224]), (256, 256))
    assert moved == pytest.approx([0, 0, 128, 256])


def test_a_box_is_cut_at_the_crops_border() -> None:
    moved = Window(32, 0, 32, 32).move_box(np.array([24, 8, 16, 8]), (64, 64))
    assert moved.tolist() == [0, 16, 16, 16]
    gone = Window(32, 0, 32, 32).move_box(np.array([0, 8, 16, 8]), (64, 64))
    assert gone[2] == 0


def test_flips_are_drawn_half_of_the_time_and_only_if_asked() -> None:
    flips = [draw_window(rng(seed), SIZE, np.zeros(4), 1.0, flip=True).flip for seed in range(400)]
    assert 150 < sum(flips) < 250
    assert not any(draw_window(rng(seed), SIZE, np.zeros(4), 1.0, flip=False).flip for seed in range(50))

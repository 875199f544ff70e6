"""Flips and crops, and the masks and boxes that follow them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.seeding import rng
from pipeline.training.augment import MIN_KEPT, Window, before_backdrop, draw_window, whole

SIZE = (64, 96)  # height, width
NOTHING = np.zeros(SIZE, dtype=np.uint8)


def filled(x: int, y: int, w: int, h: int) -> np.ndarray:
    """A mask of SIZE with one white rectangle."""
    mask = NOTHING.copy()
    mask[y : y + h, x : x + w] = 255
    return mask


@st.composite
def rectangles(draw: st.DrawFn) -> np.ndarray:
    """Masks of one rectangle of at least 12 x 12 pixels."""
    width, height = draw(st.integers(12, SIZE[1])), draw(st.integers(12, SIZE[0]))
    return filled(draw(st.integers(0, SIZE[1] - width)), draw(st.integers(0, SIZE[0] - height)), width, height)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any windows of at least half the image's edges."""
    width, height = draw(st.integers(SIZE[1] // 2, SIZE[1])), draw(st.integers(SIZE[0] // 2, SIZE[0]))
    x0, y0 = draw(st.integers(0, SIZE[1] - width)), draw(st.integers(0, SIZE[0] - height))
    return Window(x0, y0, width, height, draw(st.booleans()))


def moved(window: Window, mask: np.ndarray) -> np.ndarray:
    return window.apply(torch.from_numpy(mask)[None], "nearest-exact")[0].numpy()


@settings(deadline=None)
@given(rectangles(), rectangles(), windows())
def test_the_box_is_around_the_pixels_that_are_left(one: np.ndarray, other: np.ndarray, window: Window) -> None:
    mask = np.asarray(one & ~other, dtype=np.uint8)
    rows, columns = np.nonzero(moved(window, mask))
    x, y, w, h = window.box(mask)
    if not window.cut(mask).any():
        assert (x, y, w, h) == (0, 0, 0, 0)
    else:
        assert np.abs(np.array([x, y]) - (columns.min(), rows.min())).max() <= 1
        assert np.abs(np.array([x + w, y + h]) - (columns.max() + 1, rows.max() + 1)).max() <= 1


@settings(deadline=None)
@given(st.lists(rectangles(), max_size=3), st.integers(0, 10_000), st.sampled_from([1.0, 0.875, 0.5]))
def test_most_of_every_anomaly_always_stays(evidence: list[np.ndarray], seed: int, crop_share: float) -> None:
    window = draw_window(rng(seed), SIZE, evidence, crop_share, flip=True)
    for mask in evidence:
        assert (window.cut(mask) > 0).sum() >= MIN_KEPT * (mask > 0).sum()


def test_it_is_pixels_that_count_not_the_box_around_them() -> None:
    """A square with a thin line to the far edge: without the square, which is the anomaly, half of the box can stay."""
    mask = filled(0, 20, 24, 24) | filled(24, 31, 72, 1)
    drawn = [draw_window(rng(seed), SIZE, [mask], 0.75, flip=False) for seed in range(200)]
    crops = [window for window in drawn if window != whole(SIZE)]
    assert len(crops) > 100
    assert max(window.x0 for window in crops) <= 15  # 24 * (24 - 15) of 648 pixels, and the line's 72 at most: not half
    assert {window.x0 for window in crops} >= {0, 5, 10}


def test_an_anomaly_that_no_crop_can_keep_leaves_the_image_whole() -> None:
    corners = [filled(0, 0, 4, 4), filled(92, 60, 4, 4)]
    assert draw_window(rng(0), SIZE, corners, 0.5, flip=False) == whole(SIZE)


def test_without_an_anomaly_every_place_of_the_crop_is_drawn() -> None:
    drawn = [draw_window(rng(seed), SIZE, [NOTHING], 0.875, flip=False) for seed in range(400)]
    assert {window.x0 for window in drawn} == set(range(13)) and {window.y0 for window in drawn} == set(range(9))
    assert {(window.width, window.height) for window in drawn} == {(84, 56)}


def test_the_whole_window_changes_nothing() -> None:
    image = torch.from_numpy(rng(0).integers(0, 256, (3, *SIZE)).astype(np.uint8))
    assert torch.equal(whole(SIZE).apply(image, "bilinear"), image)


def test_flipping_twice_gives_the_image_back_and_mirrors_the_box_once() -> None:
    image = torch.from_numpy(rng(0).integers(0, 256, (3, *SIZE)).astype(np.uint8))
    flip = Window(0, 0, SIZE[1], SIZE[0], flip=True)
    once = flip.apply(image, "bilinear")
    assert torch.equal(once, image.flip(2)) and torch.equal(flip.apply(once, "bilinear"), image)
    assert flip.box(filled(10, 20, 30, 5)).tolist() == [56, 20, 30, 5]


def test_a_crop_enlarges_bilinearly() -> None:
    """Pixel centres of the result are at 0.25, 0.75, ... of the crop's; beyond the outermost its border goes on."""
    ramp = torch.arange(8, dtype=torch.uint8).repeat(1, 8, 1) * 20
    row = Window(2, 0, 4, 4).apply(ramp, "bilinear")[0, 0]
    assert row.tolist() == [40, 45, 55, 65, 75, 85, 95, 100]


def test_a_crop_of_seven_eighths_is_224_of_256_and_boxes_scale_with_it() -> None:
    window = draw_window(rng(1), (256, 256), [], 0.875, flip=False)
    assert (window.width, window.height) == (224, 224)
    mask = np.zeros((256, 256), dtype=np.uint8)
    mask[8:232, 16:128] = 255
    assert Window(16, 8, 224, 224).box(mask) == pytest.approx([0, 0, 128, 256])


def test_a_box_is_cut_at_the_crops_border_and_is_of_what_is_left() -> None:
    window = Window(32, 0, 48, 32)
    assert window.box(filled(24, 8, 16, 8)).tolist() == [0, 16, 16, 16]
    assert window.box(filled(24, 8, 16, 8) | filled(0, 0, 20, 30)).tolist() == [0, 16, 16, 16]
    assert window.box(filled(0, 8, 16, 8)).tolist() == [0, 0, 0, 0]


def test_flips_are_drawn_half_of_the_time_and_only_if_asked() -> None:
    flips = [draw_window(rng(seed), SIZE, [], 1.0, flip=True).flip for seed in range(400)]
    assert 150 < sum(flips) < 250
    assert not any(draw_window(rng(seed), SIZE, [], 1.0, flip=False).flip for seed in range(50))


def test_before_a_backdrop_the_object_stays_and_its_shadow_falls_on_what_is_behind() -> None:
    inside = np.zeros((64, 64), dtype=np.uint8)
    inside[16:48, 16:48] = 255
    photograph = np.full((64, 64, 3), 255, dtype=np.uint8)
    photograph[inside > 0] = (90, 60, 30)
    shaded = photograph.copy()
    shaded[50:60, 16:48] //= 2
    well_inside = np.s_[18:46, 18:46]
    for seed in range(20):
        lit, dark = (before_backdrop(image, inside, rng(seed, "backdrop")) for image in (photograph, shaded))
        assert (lit[well_inside] == photograph[well_inside]).all()
        assert lit[:16].std() > 0, "a pattern"
        np.testing.assert_allclose(dark[50:60, 16:48], lit[50:60, 16:48] / 2, atol=1)
        assert (lit[inside == 0] == dark[inside == 0]).mean() > 0.8, "the same backdrop"


def test_backdrops_are_light_and_dark_and_of_all_colours() -> None:
    nothing = np.zeros((32, 48), dtype=np.uint8)
    white = np.full((32, 48, 3), 255, dtype=np.uint8)
    means = np.array([before_backdrop(white, nothing, rng(seed, "backdrop")).mean(axis=(0, 1)) for seed in range(200)])
    assert means.mean(axis=1).min() < 60 and means.mean(axis=1).max() > 195
    assert {int(mean.argmax()) for mean in means} == {0, 1, 2}

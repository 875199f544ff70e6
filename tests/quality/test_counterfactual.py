"""Differences of known place and kind between an image and its counterfactual."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.geometry.raycast import RayImage
from pipeline.quality.counterfactual import MARGIN, Comparison, compare
from pipeline.views.config import ViewsConfig
from pipeline.views.select import View
from pipeline.views.visibility import Mark
from tests.scenes import front_camera

LEAST = 10.0
#: The object's square, and in it one anomaly's: 20 x 30 pixels.
OBJECT, PART = np.s_[64:192, 64:192], np.s_[100:120, 100:130]
#: Pixels of the object that are not within ``MARGIN`` of the anomaly.
AWAY = 128 * 128 - (20 + 2 * MARGIN) * (30 + 2 * MARGIN)

Mask = NDArray[np.uint8]
Floats = NDArray[np.float64]


def mask(*places: tuple[slice, slice]) -> Mask:
    result = np.zeros((256, 256), dtype=np.uint8)
    for place in places:
        result[place] = 255
    return result


SQUARE = mask(OBJECT)


def seen(marks: tuple[Mark, ...], now: Mask = SQUARE, before: Mask = SQUARE) -> View:
    ids = (now > 0).astype(np.uint16)
    cast = RayImage(ids.astype(np.float32), ids)
    return View("", marks, 0.0, 30.0, 2.5, 0, 0, front_camera(ViewsConfig(resolution=256)), cast, now, before)


def mark(new: Mask, old: Mask, name: str = "0_any") -> Mark:
    return Mark(name, (0, 0, 0, 0), 1.0, 1, new, old, False)


ONE = (mark(mask(PART), mask(PART)),)


def compared(difference: Floats, view: View | None = None) -> Comparison:
    """An even grey image against the same with ``difference`` (256, 256) in every channel."""
    grey = np.full((256, 256, 3), 128, dtype=np.uint8)
    return compare((grey + difference[..., None]).astype(np.uint8), grey, view or seen(ONE), LEAST)


def rectangle(place: tuple[slice, slice], value: float) -> Floats:
    return np.where(mask(place) > 0, value, 0.0)


def test_equal_images_differ_nowhere() -> None:
    result = compared(np.zeros((256, 256)))
    assert (result.changes[0].pixels, result.changes[0].share, result.elsewhere, result.detail) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("value", "pixels"), [(11, 150), (-11, 150), (10, 0)])
def test_change_inside_is_counted_where_it_is_visible(value: float, pixels: int) -> None:
    result = compared(rectangle(np.s_[105:115, 110:125], value))
    [change] = result.changes
    assert (change.anomaly, change.pixels, change.share) == ("0_any", pixels, pixels / 600)
    assert (result.elsewhere, result.detail) == (0.0, 0.0)


def test_an_anomaly_is_where_it_is_and_where_it_was() -> None:
    before = np.s_[100:120, 140:150]
    result = compared(rectangle(before, 30), seen((mark(mask(PART), mask(before)),)))
    assert (result.changes[0].pixels, result.changes[0].share) == (200, 200 / 800)
    assert result.elsewhere == 0.0


def test_every_anomaly_is_counted_by_itself() -> None:
    second = np.s_[150:160, 150:160]
    both = (*ONE, mark(mask(second), mask(second), "1_other"))
    result = compared(rectangle(second, 30), seen(both))
    assert [(change.anomaly, change.share) for change in result.changes] == [("0_any", 0.0), ("1_other", 1.0)]
    assert result.elsewhere == 0.0


def test_change_outside_is_a_share_of_the_object_away_from_the_anomaly() -> None:
    result = compared(rectangle(np.s_[150:166, 150:166], 30))
    assert result.elsewhere == 256 / AWAY
    # Its edge departs from the mean around it, its middle does not: rows and columns 4 pixels deep see past the edge.
    assert 0 < result.detail < 256 / AWAY


@pytest.mark.parametrize(("gap", "pixels"), [(MARGIN - 1, 0), (MARGIN, 30)])
def test_what_touches_the_anomaly_may_change(gap: int, pixels: int) -> None:
    row = PART[0].stop + gap
    result = compared(rectangle((slice(row, row + 1), PART[1]), 30))
    assert result.elsewhere == pixels / AWAY


def test_the_background_and_what_the_outline_gained_or_lost_do_not_count() -> None:
    grown = mask(OBJECT, np.s_[64:80, 192:200])
    for now, before in ((grown, SQUARE), (SQUARE, grown)):
        difference = rectangle(np.s_[64:80, 192:200], 60) + rectangle(np.s_[200:240, 10:40], -60)
        result = compared(difference, seen(ONE, now, before))
        assert (result.elsewhere, result.detail) == (0.0, 0.0)


def test_a_smooth_shadow_elsewhere_is_no_detail() -> None:
    """A ramp from 0 to 64 across the object, up to its very edge."""
    shadow = -np.clip(np.arange(256) - 64, 0, 127)[None] / 2 * np.ones((256, 1))
    result = compared(shadow)
    assert result.elsewhere == pytest.approx((128 - 21) * 128 / AWAY, rel=0.1)
    assert result.detail == 0.0


def test_a_texture_shifted_elsewhere_is_detail() -> None:
    stripes = np.where(np.arange(256) // 2 % 2, 40.0, 0.0)[None] * np.ones((256, 1))
    columns = np.s_[64:192, 150:192]
    shifted = np.where(mask(columns) > 0, np.roll(stripes, 2, axis=1) - stripes, 0.0)
    result = compared(shifted)
    assert result.elsewhere == result.detail == 128 * 42 / AWAY


def test_a_shadow_on_a_texture_is_not_taken_for_a_shift() -> None:
    """Twice the light on a texture of twice the contrast: the difference has the texture, as a shift would."""
    stripes = np.where(np.arange(256) // 2 % 2, 8.0, 0.0)[None] * np.ones((256, 1))
    assert compared(stripes + 30).detail == 0.0


def test_a_view_without_anomalies_is_compared_all_over() -> None:
    result = compared(rectangle(np.s_[64:128, 64:192], 30), seen(()))
    assert result.changes == () and result.elsewhere == 0.5

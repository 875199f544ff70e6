"""Photographs become queries: framed, before white, with a shadow, and boxes find their way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion

from pipeline.training.prediction.query import CENTRE, EXTENT, Framing, as_query
from pipeline.training.prediction.shadow import BELOW, DARKNESS, contact_shadow
from tests.training.prediction.photographs import photograph


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """First row, row after the last, first column, column after the last."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_the_object_is_centred_and_as_large_as_in_rendered_queries() -> None:
    top, feet, left, right = extent(as_query(photograph(), 128).mask)
    assert (feet - top) / 128 == pytest.approx(EXTENT, abs=0.02)
    assert (left + right) / 256 == pytest.approx(CENTRE[0], abs=0.01)
    assert (top + feet) / 256 == pytest.approx(CENTRE[1], abs=0.01)


@pytest.mark.parametrize("size", [32, 128])  # smaller than the object, and larger
def test_what_is_behind_the_object_leaves_no_trace(size: int) -> None:
    dark, bright = (as_query(photograph(background), size) for background in (0, 250))
    assert np.array_equal(dark.image, bright.image)
    outside = ~binary_dilation(dark.mask > 0, iterations=8 if size == 128 else 4)  # as far as the filter reaches
    assert outside.any() and (as_query(photograph(0), size, shadow=False).image[outside] == 255).all()


def test_the_shadow_darkens_the_ground_at_the_feet_and_never_the_object() -> None:
    plain, shaded = (as_query(photograph(), 128, shadow) for shadow in (False, True))
    darker = plain.image.astype(int) - shaded.image
    inside = plain.mask > 0
    assert np.array_equal(plain.mask, shaded.mask)
    assert darker[binary_erosion(inside, iterations=2)].max() == 0
    assert 0.1 * 255 < darker.max() <= np.ceil(DARKNESS * 255) and darker.min() >= 0
    top, feet, left, right = extent(plain.mask)
    middle = (top + feet) // 2
    assert darker[:middle].max() <= 2  # nothing above the half of it
    assert (
        darker[middle:].mean(axis=0)[: left - 20].max() <= 2 and darker[middle:].mean(axis=0)[right + 20 :].max() <= 2
    )


def test_the_shadow_is_soft_grows_with_the_object_and_may_leave_the_frame() -> None:
    small, large = np.zeros((128, 128), np.uint8), np.zeros((256, 256), np.uint8)
    small[30:100, 50:80] = large[60:200, 100:160] = 255
    shadow = contact_shadow(small)
    np.testing.assert_allclose(contact_shadow(large)[::2, ::2], shadow, atol=0.02)
    assert np.abs(np.diff(shadow, axis=0)).max() < 0.25 * DARKNESS
    assert 0.9 * DARKNESS < shadow[95, 64] <= DARKNESS
    assert shadow[round(100 + (BELOW + 0.2) * 70) :].max() < 0.01 * DARKNESS
    low = np.roll(small, 28, axis=0)  # feet on the lower edge: the same shadow, cut off by the frame
    np.testing.assert_allclose(contact_shadow(low)[28:], shadow[:-28], atol=1e-12)
    assert not contact_shadow(np.zeros_like(small)).any()


def test_an_object_before_white_keeps_what_is_around_it() -> None:
    """A rendered query is taken as it is; another size is framed, but not cut out, so that its shadow stays."""
    before_white = photograph(255, "white")
    soft = before_white.pixels.copy()
    soft[88:95, 95:145] = np.minimum(soft[88:95, 95:145], 230)
    square = type(before_white)(before_white.path, soft[:, 60:180], before_white.mask[:, 60:180], "white")
    same = as_query(square, 120)
    assert np.array_equal(same.image, square.pixels) and same.framing == Framing(0.0, 0.0, 120.0)
    framed = as_query(square, 128)
    top, feet, _, _ = extent(framed.mask)
    assert (feet - top) / 128 == pytest.approx(EXTENT, abs=0.02)
    assert ((framed.image > 220) & (framed.image < 240)).all(axis=-1).sum() > 500


@settings(deadline=None)
@given(*(st.floats(-50, 150) for _ in range(2)), st.floats(1, 500), st.sampled_from([64, 256]))
def test_boxes_return_to_where_the_framing_took_them_from(x0: float, y0: float, edge: float, size: int) -> None:
    framing = Framing(x0, y0, edge)
    box = np.array([x0 + 0.25 * edge, y0 + 0.5 * edge, 0.5 * edge, 0.125 * edge])
    in_model = np.array([0.25, 0.5, 0.5, 0.125]) * float(size)
    np.testing.assert_allclose(framing.to_photograph(in_model, size), box, atol=1e-9 * max(1.0, edge) + 1e-9)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_box_around_the_object_returns_to_the_object(size: int) -> None:
    query = as_query(photograph(), size)
    top, feet, left, right = extent(query.mask)
    box = np.array([left, top, right - left, feet - top], dtype=np.float64)
    np.testing.assert_allclose(query.framing.to_photograph(box, size), [100, 40, 40, 50], atol=70 / size)

"""Photographs become queries: cut out, framed, with a shadow, and boxes find their way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation

from pipeline.errors import PipelineError
from pipeline.training.prediction.photograph import (
    CENTRE,
    EXTENT,
    Framing,
    Photograph,
    as_query,
    contact_shadow,
    read_photograph,
)

OBJECT = (slice(40, 90), slice(100, 140))  # rows and columns of a 50 x 40 object in a 120 x 200 photograph


def scene(background: int = 200) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    pixels = np.full((120, 200, 3), background, dtype=np.uint8)
    pixels[OBJECT] = (180, 40, 20)
    mask = np.zeros((120, 200), dtype=bool)
    mask[OBJECT] = True
    return pixels, mask


def saved(path: Path, array: NDArray[np.uint8], **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def test_mask_alpha_and_white_background_find_the_same_object(tmp_path: Path) -> None:
    pixels, mask = scene()
    photo = saved(tmp_path / "photo.png", pixels)
    by_mask = read_photograph(photo, saved(tmp_path / "mask.png", mask.astype(np.uint8) * 255))
    by_alpha = read_photograph(saved(tmp_path / "alpha.png", np.dstack([pixels, mask * np.uint8(255)])), None)
    white = read_photograph(saved(tmp_path / "white.png", scene(255)[0]), None)
    for found in (by_mask, by_alpha, white):
        assert np.array_equal(found.mask, mask)
    assert [found.on_white for found in (by_mask, by_alpha, white)] == [False, False, True]


def test_the_object_is_centred_and_as_large_as_in_rendered_queries() -> None:
    pixels, mask = scene()
    query = as_query(Photograph(Path("x"), pixels, mask, on_white=False), 128)
    rows, columns = (np.flatnonzero(query.mask.any(axis=axis)) for axis in (1, 0))
    assert (rows[-1] + 1 - rows[0]) / 128 == pytest.approx(EXTENT, abs=0.02)
    assert (columns[0] + columns[-1] + 1) / 256 == pytest.approx(CENTRE[0], abs=0.01)
    assert (rows[0] + rows[-1] + 1) / 256 == pytest.approx(CENTRE[1], abs=0.01)


def test_around_the_object_it_is_white_but_for_a_shadow_at_its_feet() -> None:
    pixels, mask = scene(90)
    photograph = Photograph(Path("x"), pixels, mask, on_white=False)
    plain, shaded = (as_query(photograph, 128, shadow).image.astype(int) for shadow in (False, True))
    inside = as_query(photograph, 128).mask > 0
    outside = ~binary_dilation(inside, iterations=8)  # three pixels of the photograph, as far as the filter reaches
    assert (plain[outside] >= 250).all()
    assert np.abs(shaded - plain)[inside].max() <= 60  # anti-aliased rim alone
    assert np.array_equal(shaded[30:90, 55:75], plain[30:90, 55:75])
    darkness = (plain - shaded).sum(axis=(1, 2))
    feet = int(np.flatnonzero(inside.any(axis=1))[-1])
    assert darkness[:40].sum() == 0 and 0.9 * darkness.sum() < darkness[feet - 18 :].sum()
    assert 20 < (plain - shaded).max() < 100


def test_the_shadow_lies_at_the_feet_and_fades_out() -> None:
    mask = np.zeros((128, 128), np.uint8)
    mask[30:100, 50:80] = 255
    shadow = contact_shadow(mask)
    assert shadow[:80].max() < 0.01 and shadow[97, 64] > 0.5 and shadow[:, :30].max() < 0.01
    assert shadow.min() >= 0 and shadow.max() <= 1


def test_a_rendered_query_is_taken_as_it_is(tmp_path: Path) -> None:
    render = np.full((64, 64, 3), 255, dtype=np.uint8)
    render[20:50, 10:30] = (60, 70, 80)
    query = as_query(read_photograph(saved(tmp_path / "render.png", render), None), 64)
    assert np.array_equal(query.image, render)
    assert query.framing == Framing(0.0, 0.0, 64.0)


def test_a_photograph_on_its_side_is_put_upright(tmp_path: Path) -> None:
    pixels, mask = scene(255)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees, clockwise
    found = read_photograph(saved(tmp_path / "turned.jpg", pixels, exif=exif, quality=95), None)
    assert found.mask.shape == (200, 120)
    assert np.mean(found.mask == np.rot90(mask, -1)) > 0.99


def test_sixteen_bits_and_grayscale_are_read(tmp_path: Path) -> None:
    gray = np.full((32, 32), 65535, dtype=np.uint16)
    gray[8:20, 8:20] = 10_000
    found = read_photograph(saved(tmp_path / "deep.png", gray), None)
    assert found.pixels[10, 10].tolist() == [38] * 3 and found.mask.sum() == 144


@settings(deadline=None)
@given(*(st.floats(-50, 150) for _ in range(2)), st.floats(1, 500), st.sampled_from([64, 256]))
def test_boxes_return_to_where_the_framing_took_them_from(x0: float, y0: float, edge: float, size: int) -> None:
    framing = Framing(x0, y0, edge)
    box = np.array([x0 + 0.25 * edge, y0 + 0.5 * edge, 0.5 * edge, 0.125 * edge])
    in_model = np.array([0.25, 0.5, 0.5, 0.125]) * size
    np.testing.assert_allclose(framing.to_photograph(in_model, size), box, atol=1e-9 * max(1.0, edge) + 1e-9)


def test_a_box_around_the_object_returns_to_the_object() -> None:
    pixels, mask = scene()
    query = as_query(Photograph(Path("x"), pixels, mask, on_white=False), 128)
    rows, columns = (np.flatnonzero(query.mask.any(axis=axis)) for axis in (1, 0))
    box = np.array([columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]], dtype=np.float64)
    np.testing.assert_allclose(query.framing.to_photograph(box, 128), [100, 40, 40, 50], atol=0.6)


def test_bad_photographs_are_named_with_a_way_out(tmp_path: Path) -> None:
    pixels, mask = scene()
    photo = saved(tmp_path / "photo.png", pixels)
    with pytest.raises(PipelineError, match=r"photo\.png: what is the object.*--mask.*alpha.*white.*rembg"):
        read_photograph(photo, None)
    with pytest.raises(PipelineError, match=r"empty\.png: its alpha channel shows no object"):
        read_photograph(saved(tmp_path / "empty.png", np.dstack([pixels, mask * np.uint8(0)])), None)
    with pytest.raises(PipelineError, match=r"white\.png: its image before its white background shows no object"):
        read_photograph(saved(tmp_path / "white.png", np.full((20, 20, 3), 255, np.uint8)), None)
    with pytest.raises(PipelineError, match=r"mask .*small\.png has 10 x 20 pixels, photograph .*photo\.png 200 x 120"):
        read_photograph(photo, saved(tmp_path / "small.png", np.zeros((20, 10), np.uint8)))
    with pytest.raises(PipelineError, match=r"photo\.png: its mask .*black\.png shows no object"):
        read_photograph(photo, saved(tmp_path / "black.png", np.zeros((120, 200), np.uint8)))
    with pytest.raises(PipelineError, match=r"photograph .*gone\.png is missing"):
        read_photograph(tmp_path / "gone.png", None)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(PipelineError, match=r"text\.png cannot be read as an image"):
        read_photograph(tmp_path / "text.png", None)

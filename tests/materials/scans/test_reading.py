"""Image files of every sort as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from materials.scans.reading import read
from pipeline.errors import UnitRejected
from tests.pictures import write_rgb16


def test_sixteen_bit_grey_keeps_its_depth(tmp_path: Path) -> None:
    values = np.array([[0, 1, 257], [300, 40000, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    pixels = read(tmp_path / "a.png").pixels
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], values)


def test_sixteen_bit_colour_has_eight_bits_left(tmp_path: Path) -> None:
    values = np.array([[[0, 128 * 257, 65535], [257, 514, 771]]], dtype=np.uint16)
    write_rgb16(tmp_path / "a.png", values)
    pixels = read(tmp_path / "a.png").pixels
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, values // 257)


def test_what_is_wholly_transparent_takes_the_mean_of_the_rest(tmp_path: Path) -> None:
    values = np.array([[[100, 0, 0, 255], [200, 0, 0, 1], [255, 255, 255, 0]]], dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, [[[100, 0, 0], [200, 0, 0], [150, 0, 0]]])


def test_an_alpha_of_nothing_at_all_is_no_alpha(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2, 4), [10, 20, 30, 0], dtype=np.uint8)).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png").pixels == [10, 20, 30]).all()


@pytest.mark.parametrize(("mode", "channels"), [("P", 3), ("LA", 3), ("L", 1), ("1", 1), ("CMYK", 3)])
def test_other_modes_give_grey_or_colour(tmp_path: Path, mode: str, channels: int) -> None:
    suffix = ".tif" if mode == "CMYK" else ".png"
    Image.new("RGB", (4, 2), "white").convert(mode).save(tmp_path / f"a{suffix}")
    pixels = read(tmp_path / f"a{suffix}").pixels
    assert pixels.shape == (2, 4, channels) and (pixels == 255).all()


def test_a_palette_gives_its_colours(tmp_path: Path) -> None:
    image = Image.new("P", (1, 1))
    image.putpalette([10, 20, 30])
    image.save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").pixels.tolist() == [[[10, 20, 30]]]


@pytest.mark.parametrize("content", [b"", b"hello", b"cut"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    if content == b"cut":
        Image.effect_noise((64, 64), 50).save(path)
        content = path.read_bytes()[:900]
    path.write_bytes(content)
    with pytest.raises(UnitRejected, match=path.name) as raised:
        read(path)
    assert raised.value.reason == "image-unreadable"


def test_failure_of_the_system_is_no_fault_of_the_file(tmp_path: Path) -> None:
    """So that the set is tried again by the next run, not left out for good."""
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.png")


@pytest.mark.parametrize("limit", [30, 60])
def test_huge_images_are_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Pillow warns above its limit and fails above twice that."""
    Image.new("L", (10, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(UnitRejected, match=r"a\.png .* 8192 x 8192") as raised:
        read(tmp_path / "a.png")
    assert raised.value.reason == "image-too-large"

"""Image files of every depth and kind: their values at full scale, or one line that names them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UnitRejected
from pipeline.images import as_seen, check_header, read_image
from tests.pictures import write_promise, write_rgb16

BYTES = np.array([[0, 60, 200, 255]], dtype=np.uint8)


def saved(path: Path, values: Any, mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(np.asarray(values))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def grey(path: Path) -> list[int]:
    """What a viewer shows of the first row, which is grey."""
    seen = as_seen(read_image(path, "image"), ground=255)
    assert (seen == seen[..., :1]).all()
    return seen[0, :, 0].tolist()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("bytes.png", BYTES),
        ("deep.png", BYTES.astype(np.uint16) * 257),
        ("deep.tif", BYTES.astype(np.uint16) * 257),
        ("bigendian.tif", (BYTES.astype(np.uint16) * 257).astype(">u2")),
        ("unit.tif", (BYTES / 255).astype(np.float32)),
        ("sharpened.tif", (BYTES / 255 * 1.03 - 0.015).astype(np.float32)),
        ("float_bytes.tif", BYTES.astype(np.float32)),
        ("float_deep.tif", BYTES.astype(np.float32) * 257),
        ("long_bytes.tif", BYTES.astype(np.int32)),
        ("long_deep.tif", BYTES.astype(np.int32) * 257),
        ("bytes_in_16.png", BYTES.astype(np.uint16)),
        ("ten_bits.png", np.round(BYTES / 255 * 1023).astype(np.uint16)),
        ("twelve_bits.png", np.round(BYTES / 255 * 4095).astype(np.uint16)),
        ("twelve_bits.tif", np.round(BYTES / 255 * 4095).astype(np.int32)),
    ],
)
def test_any_depth_is_the_same_picture(tmp_path: Path, name: str, values: np.ndarray) -> None:
    found = grey(saved(tmp_path / name, values))
    assert np.abs(np.array(found) - BYTES[0]).max() <= (4 if name == "sharpened.tif" else 1)


@pytest.mark.parametrize(
    ("name", "mode", "options", "near"),
    [
        ("a.png", "LA", {}, 0),
        ("a.png", "P", {}, 0),
        ("a.gif", "L", {}, 0),
        ("a.webp", "RGB", {"lossless": True}, 0),
        ("a.bmp", "RGB", {}, 0),
        ("a.tga", "RGB", {}, 0),
        ("a.pgm", "L", {}, 0),
        ("a.tif", "CMYK", {}, 0),
        ("a.jpg", "CMYK", {"quality": 100}, 2),
        ("a.jpg", "L", {"quality": 100}, 2),
    ],
)
def test_any_format_is_the_same_picture(
    tmp_path: Path, name: str, mode: str, options: dict[str, Any], near: int
) -> None:
    path = saved(tmp_path / name, np.repeat(np.repeat(BYTES, 8, axis=0), 8, axis=1), mode, **options)
    assert np.abs(np.array(grey(path)[4::8]) - BYTES[0]).max() <= near


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    assert grey(saved(tmp_path / "a.png", np.array([[False, True]]))) == [0, 255]


def test_a_dark_picture_whose_bytes_are_spread_over_16_bits_stays_dark(tmp_path: Path) -> None:
    assert grey(saved(tmp_path / "a.png", np.array([[0, 5, 15]], dtype=np.uint16) * 257)) == [0, 5, 15]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[0, 9001, 12000]], dtype=np.uint16), "18.3% of white"),
        (np.array([[0.0, 0.5, np.nan]], dtype=np.float32), "no numbers"),
        (np.array([[0.0, np.inf]], dtype=np.float32), "infinite"),
        (np.array([[0.0, 2.0]], dtype=np.float32), "from 0 to 2, not from 0 to 1"),
        (np.array([[-1.0, 1.0]], dtype=np.float32), "from -1 to 1"),
        (np.array([[0.0, 1e6]], dtype=np.float32), "from 0 to 1e\\+06"),
        (np.array([[-5, 40000]], dtype=np.int32), "from -5 to 40000"),
        (np.array([[0, 70000]], dtype=np.int32), "from 0 to 70000"),
        (np.array([[0, 1]], dtype=np.int32), "0.4% of white"),
    ],
)
def test_numbers_whose_white_nobody_tells_are_refused(tmp_path: Path, values: np.ndarray, words: str) -> None:
    path = saved(tmp_path / "odd.tif", values)
    with pytest.raises(UnitRejected, match=f"odd.tif.*{words}"):
        as_seen(read_image(path, "image"), ground=255)


def test_deep_colours_that_use_few_bits_are_refused(tmp_path: Path) -> None:
    """Pillow gives the upper byte alone: 12 bits would be nearly black."""
    write_rgb16(tmp_path / "fine.png", np.full((2, 2, 3), 200 * 257))
    assert (as_seen(read_image(tmp_path / "fine.png", "image"), ground=255) == 200).all()
    write_rgb16(tmp_path / "twelve.png", np.full((2, 2, 3), 3000))
    with pytest.raises(UnitRejected, match=r"twelve\.png: the brightest of its 16-bit values is 4\.3% of white"):
        as_seen(read_image(tmp_path / "twelve.png", "image"), ground=255)


def test_deep_white_is_zero_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "film.tif", np.array([[0, 65535]], dtype=np.uint16), tiffinfo={262: 0})
    with pytest.raises(UnitRejected, match=r"film\.tif .*its 0 is white"):
        read_image(path, "image")


def test_transparency_shows_the_ground(tmp_path: Path) -> None:
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [100, 100, 100, 51]]], dtype=np.uint8)
    picture = read_image(saved(tmp_path / "a.png", rgba), "image")
    assert as_seen(picture, ground=255).tolist() == [[[10, 20, 30], [255, 255, 255], [224, 224, 224]]]
    assert as_seen(picture, ground=0).tolist() == [[[10, 20, 30], [0, 0, 0], [20, 20, 20]]]
    assert read_image(saved(tmp_path / "b.png", rgba[:, :1]), "image").alpha is None, "all is opaque"
    palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
    palette.putpalette([10, 10, 10, 20, 20, 20])
    palette.save(tmp_path / "c.png", transparency=1)
    assert grey(tmp_path / "c.png") == [10, 255]
    saved(tmp_path / "d.png", np.array([[30 * 257, 99 * 257]], dtype=np.uint16), transparency=30 * 257)
    assert grey(tmp_path / "d.png") == [255, 99]


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp", "png"])
def test_pages_and_animations_are_refused_and_a_preview_is_none(tmp_path: Path, suffix: str) -> None:
    pages = [Image.new("RGB", (20, 10), (number, 80 * number, 0)) for number in range(3)]
    path = tmp_path / f"several.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    for read in (read_image, check_header):
        with pytest.raises(UnitRejected, match=rf"image .*several\.{suffix} .*it holds 3 pictures; save the one"):
            read(path, "image")
    if suffix == "tif":
        pages[1].save(path, save_all=True, append_images=[pages[0].resize((10, 5))])
        assert read_image(path, "image").pixels[0, 0].tolist() == [1, 80, 0]


@pytest.mark.parametrize("side", [31623, 10000])
def test_a_file_that_promises_a_billion_pixels_is_refused_at_once(tmp_path: Path, side: int) -> None:
    """Pillow refuses what is far too large by itself, and but warns of what is a little too large."""
    path = write_promise(tmp_path / "bomb.png", side)
    tracemalloc.start()
    for read in (read_image, check_header):
        with pytest.raises(UnitRejected, match=r"photograph .*bomb\.png is too large .*scale it down"):
            read(path, "photograph")
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_sixteen_bit_background_of_the_odd_cases_has_its_two_greys(shared_data: Path) -> None:
    seen = as_seen(read_image(shared_data / "cases" / "background_16bit" / "grey16.png", "background"), ground=255)
    half = len(seen) // 2
    assert (np.unique(seen[:half]), np.unique(seen[half:])) == (200, 60)

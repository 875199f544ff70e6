"""What is the object of a photograph, by each way of telling, and what is no photograph."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.training.prediction.photograph import Photograph, doubts, masks_for, photographs_in, read_photograph
from tests.training.prediction.photographs import OBJECT, saved, scene


def test_mask_alpha_and_white_background_find_the_same_object(tmp_path: Path) -> None:
    pixels, mask = scene()
    photo = saved(tmp_path / "photo.png", pixels)
    by_mask = read_photograph(photo, saved(tmp_path / "mask.png", mask.astype(np.uint8) * 255))
    by_alpha = read_photograph(saved(tmp_path / "alpha.png", np.dstack([pixels, mask * np.uint8(255)])), None)
    white = read_photograph(saved(tmp_path / "white.png", scene(255)[0]), None)
    for found in (by_mask, by_alpha, white):
        assert np.array_equal(found.mask, mask)
    assert [found.cut_by for found in (by_mask, by_alpha, white)] == ["mask", "alpha", "white"]


def test_a_mask_comes_before_alpha_and_alpha_before_white(tmp_path: Path) -> None:
    pixels, mask = scene(255)
    left = np.zeros_like(mask)
    left[50:60, 105:110] = True
    photo = saved(tmp_path / "photo.png", np.dstack([pixels, left * np.uint8(255)]))
    assert np.array_equal(read_photograph(photo, None).mask, left)
    assert np.array_equal(read_photograph(photo, saved(tmp_path / "mask.png", mask)).mask, mask)


def test_a_mask_may_be_white_on_transparent(tmp_path: Path) -> None:
    pixels, mask = scene()
    stencil = np.dstack([np.full_like(pixels, 255), mask * np.uint8(255)])
    found = read_photograph(saved(tmp_path / "photo.png", pixels), saved(tmp_path / "mask.png", stencil))
    assert np.array_equal(found.mask, mask)


def test_dust_on_a_white_background_is_not_the_object_but_a_part_that_fell_off_is(tmp_path: Path) -> None:
    pixels, mask = scene(255)
    pixels[5, 5] = 0
    pixels[100:103, 10:13] = 0
    mask[100:103, 10:13] = True
    assert np.array_equal(read_photograph(saved(tmp_path / "photo.png", pixels), None).mask, mask)


def test_rembg_finds_what_nothing_else_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, mask = scene()

    def remove(image: Image.Image, only_mask: bool) -> Image.Image:
        assert only_mask and image.mode == "RGB" and image.size == (200, 120)
        return Image.fromarray(mask.astype(np.uint8) * 200)

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "rembg", SimpleNamespace(remove=remove))
    found = read_photograph(saved(tmp_path / "photo.png", pixels), None)
    assert found.cut_by == "rembg" and np.array_equal(found.mask, mask)


@pytest.mark.parametrize("missing", ["rembg", "onnxruntime"])
def test_without_rembg_the_ways_out_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in ("rembg", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else SimpleNamespace())
    photo = saved(tmp_path / "photo.png", scene()[0])
    with pytest.raises(PipelineError, match=r"photo\.png: what is the object.*--mask.*alpha.*white.*gen\[segment\]"):
        read_photograph(photo, None)


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


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_formats_give_the_same_object(tmp_path: Path, suffix: str) -> None:
    pixels, mask = scene(255)
    options = {"lossless": True} if suffix == "webp" else {}
    found = read_photograph(saved(tmp_path / f"photo.{suffix}", pixels, **options), None)
    assert np.array_equal(found.pixels, pixels) and np.array_equal(found.mask, mask)


def test_bad_photographs_are_named_with_a_way_out(tmp_path: Path) -> None:
    pixels, mask = scene()
    with pytest.raises(PipelineError, match=r"empty\.png: its alpha channel shows no object; give a mask"):
        read_photograph(saved(tmp_path / "empty.png", np.dstack([pixels, mask * np.uint8(0)])), None)
    with pytest.raises(PipelineError, match=r"white\.png: its image before its white background shows no object"):
        read_photograph(saved(tmp_path / "white.png", np.full((20, 20, 3), 255, np.uint8)), None)
    with pytest.raises(PipelineError, match=r"photograph .*gone\.png is missing"):
        read_photograph(tmp_path / "gone.png", None)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(PipelineError, match=r"photograph .*text\.png cannot be read as an image.*PNG or JPEG"):
        read_photograph(tmp_path / "text.png", None)
    cut_off = saved(tmp_path / "cut.jpg", np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8))
    cut_off.write_bytes(cut_off.read_bytes()[:3000])
    with pytest.raises(PipelineError, match=r"photograph .*cut\.jpg cannot be read as an image"):
        read_photograph(cut_off, None)


def test_bad_masks_are_named_with_a_way_out(tmp_path: Path) -> None:
    pixels, mask = scene()
    photo = saved(tmp_path / "photo.png", pixels)

    def refused(name: str, values: np.ndarray, text: str) -> None:
        with pytest.raises(PipelineError, match=text):
            read_photograph(photo, saved(tmp_path / name, values))

    refused("small.png", mask[:20, :10], r"mask .*small\.png has 10 x 20 pixels, photograph .*photo\.png 200 x 120")
    refused("black.png", np.zeros_like(mask), r"photo\.png: its mask .*black\.png shows no object")
    refused("all.png", np.ones_like(mask), r"photo\.png: its mask .*all\.png shows nothing but object")
    with pytest.raises(PipelineError, match=r"mask .*gone\.png is missing"):
        read_photograph(photo, tmp_path / "gone.png")


def test_an_image_too_large_to_open_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = saved(tmp_path / "photo.png", scene(255)[0])
    assert read_photograph(photo, None).mask[OBJECT].all()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(PipelineError, match=r"photo\.png is too large .*scale it down"):
        read_photograph(photo, None)


def test_doubts_are_told(tmp_path: Path) -> None:
    pixels, mask = scene()

    def doubts_of(rows: slice, columns: slice) -> list[str]:
        """With another piece."""
        more = mask.copy()
        more[rows, columns] = True
        return doubts(Photograph(tmp_path, pixels, more, "mask"))

    assert doubts(Photograph(tmp_path, pixels, mask, "mask")) == []
    assert doubts_of(slice(40, 90), slice(20, 50)) == ["there may be two objects"]
    assert doubts_of(slice(10, 38), slice(100, 140)) == []  # a chair whose seat is missing
    assert doubts_of(slice(40, 60), slice(85, 93)) == []  # a part that fell off
    assert doubts_of(slice(85, 120), slice(110, 130)) == ["the object is cut off by the photograph's edge"]


def test_folders_hold_photographs_and_their_masks_by_name(tmp_path: Path) -> None:
    pixels, mask = scene()
    (tmp_path / "masks").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("b", "a"):
        saved(tmp_path / f"{name}.jpg", pixels)
        saved(tmp_path / "masks" / f"{name}.png", mask)
    (tmp_path / "notes.txt").write_text("no image")
    found = photographs_in(tmp_path)
    assert [path.name for path in found] == ["a.jpg", "b.jpg"]
    paired = masks_for(found, [tmp_path / "masks"])
    assert [path and path.name for path in paired] == ["a.png", "b.png"]
    assert masks_for(found, []) == [None, None] and photographs_in(found[0]) == [found[0]]
    (tmp_path / "masks" / "a.png").unlink()
    with pytest.raises(PipelineError, match=r"masks holds no mask called a for .*a\.jpg"):
        masks_for(found, [tmp_path / "masks"])
    with pytest.raises(PipelineError, match="empty holds no image"):
        photographs_in(tmp_path / "empty")

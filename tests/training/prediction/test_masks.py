"""What is a mask, whatever its depth and edges, and what is none; what alpha cuts out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pipeline.errors import PipelineError
from pipeline.training.prediction.photograph import Photograph, read_photograph
from tests.pictures import write_promise
from tests.training.prediction.photographs import OBJECT, saved, scene


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return saved(tmp_path / "photo.png", scene()[0])


def found(photo: Path, mask: Path) -> NDArray[np.bool_]:
    photograph = read_photograph(photo, mask)
    assert photograph.cut_by == "mask"
    return photograph.mask


@pytest.mark.parametrize("white", [1, 3, 128, 255, 1023, 4095, 16383, 65535])
def test_white_is_the_brightest_value_of_any_depth(photo: Path, tmp_path: Path, white: int) -> None:
    truth = scene()[1]
    kinds = [np.uint8] if white < 256 else []
    for number, kind in enumerate([*kinds, np.uint16, np.int32]):
        path = saved(tmp_path / f"mask{number}.tif", truth.astype(kind) * kind(white))
        assert np.array_equal(found(photo, path), truth)


def test_floats_palettes_and_one_bit_are_masks(photo: Path, tmp_path: Path) -> None:
    truth = scene()[1]
    labels = Image.fromarray(truth.astype(np.uint8), "P")
    labels.putpalette([0, 0, 0, 128, 0, 0])
    labels.save(tmp_path / "labels.png")
    paths = [
        tmp_path / "labels.png",
        saved(tmp_path / "unit.tif", truth.astype(np.float32)),
        saved(tmp_path / "bytes.tif", truth.astype(np.float32) * 255),
        saved(tmp_path / "bit.png", truth),
        saved(tmp_path / "bit.tif", truth),
        saved(tmp_path / "mask.gif", truth.astype(np.uint8) * 255),
        saved(tmp_path / "grey_alpha.png", np.dstack([truth * np.uint8(255), np.full(truth.shape, 255, np.uint8)])),
    ]
    for path in paths:
        assert np.array_equal(found(photo, path), truth), path


def test_soft_edges_and_jpeg_are_masks(photo: Path, tmp_path: Path) -> None:
    truth = scene()[1]
    sharp = Image.fromarray(truth.astype(np.uint8) * 255)
    sharp.filter(ImageFilter.GaussianBlur(3)).save(tmp_path / "soft.png")
    sharp.save(tmp_path / "mask.jpg", quality=30)
    sharp.resize((50, 30)).resize((200, 120), Image.Resampling.BICUBIC).save(tmp_path / "grown.png")
    for name in ("soft.png", "mask.jpg", "grown.png"):
        mask = found(photo, tmp_path / name)
        assert (mask & truth).sum() > 0.97 * (mask | truth).sum(), name


def test_a_photograph_is_no_mask(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (120, 200, 3), dtype=np.uint8)
    grey = scene(30)[0]
    grey[OBJECT] = np.linspace(40, 255, 40, dtype=np.uint8)[None, :, None]  # an object that is lit from the side
    for number, pixels in enumerate((noise, grey)):
        path = saved(tmp_path / f"{number}.png", pixels)
        with pytest.raises(PipelineError, match=rf"mask .*{number}\.png is no mask: .* as in a photograph"):
            read_photograph(path, path)


def test_an_inverted_mask_is_noticed(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"mask .*mask\.png is white along most of its border.*inverted\?"):
        read_photograph(photo, saved(tmp_path / "mask.png", ~scene()[1]))


def test_black_noise_shows_no_object(photo: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (120, 200), dtype=np.uint8)
    with pytest.raises(PipelineError, match=r"noise\.png shows no object"):
        read_photograph(photo, saved(tmp_path / "noise.png", noise))


def test_a_few_transparent_pixels_of_a_mask_are_black(photo: Path, tmp_path: Path) -> None:
    truth = scene()[1]
    alpha = np.full(truth.shape, 255, np.uint8)
    alpha[:3, :3] = 0
    rounded = np.dstack([truth * np.uint8(255)] * 3 + [alpha])
    rounded[:3, :3, :3] = 255
    assert np.array_equal(found(photo, saved(tmp_path / "rounded.png", rounded)), truth)


def test_a_window_with_its_shadow_is_no_cut_out(tmp_path: Path) -> None:
    pixels, truth = scene(255)
    alpha = np.zeros(truth.shape, np.uint8)
    alpha[:] = 20  # the shadow
    alpha[10:110, 10:190] = 255
    photograph = read_photograph(saved(tmp_path / "window.png", np.dstack([pixels, alpha])), None)
    assert photograph.cut_by == "white" and np.array_equal(photograph.mask, truth)


def test_images_that_promise_a_billion_pixels_are_refused(photo: Path, tmp_path: Path) -> None:
    bomb = write_promise(tmp_path / "bomb.png", 31623)
    with pytest.raises(PipelineError, match=r"^mask .*bomb\.png is too large .*scale it down"):
        read_photograph(photo, bomb)
    with pytest.raises(PipelineError, match=r"^photograph .*bomb\.png is too large .*scale it down"):
        read_photograph(bomb, None)


def case(folder: Path, query: str, mask: str | None) -> Photograph:
    return read_photograph(folder / query, None if mask is None else folder / mask)


def test_case_masks_are_the_object(shared_data: Path) -> None:
    cases = shared_data / "cases"
    with Image.open(cases / "mask_cutout" / "mask.png") as image:
        truth = np.asarray(image) > 0
    for mask in ("mask01.png", "mask16_01.png"):
        assert np.array_equal(case(cases / "mask_01", "grey.png", mask).mask, truth)
    assert np.array_equal(case(cases / "mask_cutout", "grey.png", "cutout.png").mask, truth)
    assert case(cases / "mask_cutout", "cutout.png", None).cut_by == "alpha"
    with pytest.raises(PipelineError, match=r"mask .*grey\.png is no mask"):
        case(cases / "mask_cutout", "grey.png", "grey.png")


def test_rounded_corners_do_not_make_the_screenshot_the_object(shared_data: Path) -> None:
    screenshot = case(shared_data / "cases" / "photo_rounded_corners", "screenshot_rounded.png", None)
    rows, columns = np.nonzero(screenshot.mask)
    assert screenshot.cut_by == "white" and 0.1 < screenshot.mask.mean() < 0.2
    assert rows.min() > 100 and columns.min() > 40, "the chair, in the middle"


@pytest.mark.parametrize("white", [1.0, 255.0, 255, 65535, 4095])
def test_photographs_of_any_depth_are_as_bright_as_their_bytes(shared_data: Path, tmp_path: Path, white: float) -> None:
    folder = shared_data / "cases" / "mask_01"
    with Image.open(folder / "grey.png") as image:
        grey = np.asarray(image.convert("L"))
    truth = case(folder, "grey.png", "mask01.png").mask
    values = grey / 255 * white
    deep = values.astype(np.float32) if isinstance(white, float) else np.round(values).astype(np.int32)
    paths = [saved(tmp_path / "photo.tif", deep)]
    if white == 4095:
        paths.append(saved(tmp_path / "photo.png", deep.astype(np.uint16)))
    for path in paths:
        photograph = read_photograph(path, folder / "mask01.png")
        assert np.abs(photograph.pixels[..., 0].astype(int) - grey).max() <= 1
        assert np.array_equal(photograph.mask, truth)

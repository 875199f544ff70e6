"""Images: photographs with their masks, maps, surroundings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fuzz.reader import Reader
from pipeline.appearance.config import SurroundingsConfig
from pipeline.appearance.surroundings import take_scenery
from pipeline.errors import PipelineError
from pipeline.images import as_seen, check_header, read_image
from pipeline.training.prediction.photograph import doubts, masks_for, photographs_in, read_photograph
from pipeline.training.prediction.query import as_query
from tests.pictures import write_exr, write_promise, write_radiance, write_rgb16

#: (suffix, mode, options of Pillow) of images that are read.
KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("png", "RGB", {}),
    ("png", "RGBA", {}),
    ("png", "P", {}),
    ("png", "I;16", {}),
    ("jpg", "RGB", {}),
    ("jpg", "CMYK", {}),
    ("tif", "RGB", {"compression": "tiff_lzw"}),
    ("tif", "F", {}),
    ("tif", "I", {}),
    ("tif", "RGBA", {"compression": "tiff_adobe_deflate"}),
    ("tif", "1", {"compression": "group4"}),
    ("webp", "RGBA", {}),
    ("gif", "P", {}),
    ("bmp", "RGB", {}),
    ("tga", "RGB", {"compression": "tga_rle"}),
    ("ppm", "RGB", {}),
    ("ico", "RGBA", {}),
    ("jp2", "RGB", {}),
    ("avif", "RGB", {}),
    ("dds", "RGBA", {}),
    ("pcx", "RGB", {}),
    ("sgi", "RGB", {}),
    ("im", "RGB", {}),
    ("eps", "RGB", {}),
)


def _pixels() -> np.ndarray:
    pixels = np.full((24, 20, 3), 255, dtype=np.uint8)
    pixels[6:18, 5:15] = np.random.default_rng(0).integers(0, 200, (12, 10, 3))
    return pixels


def _image_seeds(folder: Path) -> None:
    image = Image.fromarray(_pixels())
    for number, (suffix, mode, options) in enumerate(KINDS):
        place = folder / f"{number:02d}"
        place.mkdir()
        own = image.convert("L").convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)
        own.save(place / f"image.{suffix}", **options)
    for name in ("deep", "bomb"):
        (folder / name).mkdir()
    write_rgb16(folder / "deep" / "image.png", _pixels().astype(np.uint16) * 257)
    write_promise(folder / "bomb" / "image.png", 60_000)


def _image(folder: Path, out: Path) -> None:
    path = _first(folder, "image")
    check_header(path, "image")
    as_seen(read_image(path, "image"), 255)


def _first(folder: Path, stem: str) -> Path:
    """The file of that name; one that is missing is its caller's to tell."""
    found = sorted(path for path in folder.glob(f"{stem}.*") if path.is_file())
    if not found:
        raise PipelineError(f"{folder / stem} is missing")
    return found[0]


def _photograph_seeds(folder: Path) -> None:
    mask = np.zeros((24, 20), dtype=np.uint8)
    mask[6:18, 5:15] = 255
    for name, suffix in (("a", "png"), ("b", "jpg")):
        for kind, pixels in (("photographs", _pixels()), ("masks", mask)):
            (folder / name / kind).mkdir(parents=True)
            Image.fromarray(pixels).save(folder / name / kind / f"chair.{suffix}", quality=95)


def _photograph(folder: Path, out: Path) -> None:
    photographs = photographs_in(folder / "photographs")
    masks = masks_for(photographs, [folder / "masks"])
    for path, mask in zip(photographs, masks, strict=True):
        photograph = read_photograph(path, mask)
        doubts(photograph)
        as_query(photograph, 32)


def _surroundings_seeds(folder: Path) -> None:
    light = np.linspace(0, 4, 8 * 4 * 3).reshape(4, 8, 3)
    for name in ("hdr", "exr", "photograph"):
        for kind in ("environments", "backgrounds"):
            (folder / name / kind).mkdir(parents=True)
            Image.fromarray(_pixels()).save(folder / name / kind / "a.jpg")
    write_radiance(folder / "hdr" / "environments" / "b.hdr", light)
    write_exr(folder / "exr" / "environments" / "b.exr", light)
    Image.fromarray(_pixels()).save(folder / "photograph" / "backgrounds" / "b.png")


def _surroundings(folder: Path, out: Path) -> None:
    config = SurroundingsConfig(
        environments=str(folder / "environments"), backgrounds=str(folder / "backgrounds"), background_share=0.5
    )
    scenery = take_scenery(config)
    scenery.check()
    assert scenery.fingerprint
    scenery.choose([], 0, "1", "a")


READERS = (
    Reader("image", _image_seeds, _image, share=4.0),
    Reader("photograph and mask", _photograph_seeds, _photograph, share=1.5),
    Reader("surroundings", _surroundings_seeds, _surroundings, share=1.5),
)

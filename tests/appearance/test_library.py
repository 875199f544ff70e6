"""The run's library: what is in stock, how heavy, how finely mapped, and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from materials.catalogue import load_catalogue
from pipeline.appearance.config import MaterialLibraryConfig, MaterialsConfig
from pipeline.appearance.library import (
    Library,
    balanced,
    load_library,
    make_library,
    make_swatch,
    save_library,
)
from pipeline.appearance.stock import map_size, take_stock
from pipeline.errors import PipelineError
from pipeline.views.config import CameraVariety, ViewsConfig
from tests.appearance.libraries import swatch

WALNUT = next(m for m in load_catalogue() if m.name == "walnut")
VIEWS = ViewsConfig()


def own_set(folder: Path, name: str, colour: tuple[int, int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), colour).save(folder / f"{name}_1K-PNG_Color.png")


def test_everything_is_in_stock() -> None:
    stock = take_stock(MaterialsConfig())
    assert set(stock.materials) == {m.name for m in load_catalogue()}
    assert set(stock.library.values()) == {0} and stock.left_out == ()


def test_own_library_is_mixed_in_or_used_alone(tmp_path: Path) -> None:
    own_set(tmp_path / "own", "Wood001", (90, 40, 30))
    own_set(tmp_path / "own", "Fabric002", (30, 40, 90))
    config = MaterialsConfig(libraries=(MaterialLibraryConfig(folder=str(tmp_path / "own")),))
    stock = take_stock(config)
    assert {n for n, library in stock.library.items() if library == 1} == {"own0_wood001", "own0_fabric002"}
    alone = take_stock(config.model_copy(update={"builtin": 0.0}))
    assert {m.material_class for m in alone.materials.values()} == {"wood", "fabric", "core"}
    assert {n for n, m in alone.materials.items() if m.material_class != "core"} == {"own0_wood001", "own0_fabric002"}


def test_every_library_has_its_weight_in_each_class_that_it_has() -> None:
    grey = (50.0, 0.0, 0.0)
    swatches = [
        swatch("oak", "wood", grey, weight=4),
        swatch("elm", "wood", grey),
        swatch("chrome", "metal", grey, weight=2),
        swatch("own_ash", "wood", grey, library=1),
        swatch("own_fir", "wood", grey, library=1),
    ]
    config = MaterialsConfig(builtin=1.0, libraries=(MaterialLibraryConfig(folder="x", weight=3.0),))
    weights = {s.name: s.weight for s in balanced(swatches, config).swatches}
    assert weights == pytest.approx({"oak": 0.8, "elm": 0.2, "chrome": 1.0, "own_ash": 1.5, "own_fir": 1.5})


def test_only_the_named_are_kept() -> None:
    worn = {n for n, m in take_stock(MaterialsConfig(only=("walnut*", "chrome"))).materials.items() if m.tile}
    assert {"walnut", "chrome", "raw_oak"} <= worn and "denim" not in worn
    with pytest.raises(PipelineError, match=r"materials.only: no material is called 'marble'"):
        take_stock(MaterialsConfig(only=("walnut", "marble")))


def test_library_that_gives_nothing_or_nothing_hard_is_an_error(tmp_path: Path) -> None:
    empty = MaterialLibraryConfig(folder=str(tmp_path))
    with pytest.raises(PipelineError, match=r"holds no set of maps whose names are known"):
        take_stock(MaterialsConfig(libraries=(empty,)))
    with pytest.raises(PipelineError, match=r"/nope"):
        take_stock(MaterialsConfig(libraries=(MaterialLibraryConfig(folder="/nope"),)))
    own_set(tmp_path, "Fabric002", (30, 40, 90))
    with pytest.raises(PipelineError, match=r"no material of class wood, metal, plastic is left"):
        take_stock(MaterialsConfig(builtin=0, libraries=(empty,)))


def test_maps_are_as_fine_as_the_images_show(tmp_path: Path) -> None:
    # One pixel is 2.5 / (41 / 36 * 256) radii of 0.55 m: 4.7 mm at the object's centre.
    texels = WALNUT.tile / 0.0047 * 1.5
    size = map_size(WALNUT, MaterialsConfig(), VIEWS)
    assert texels <= size < 2 * texels
    assert map_size(WALNUT, MaterialsConfig(), VIEWS.model_copy(update={"resolution": 512})) == 2 * size
    nearer = VIEWS.model_copy(update={"variety": CameraVariety(radius=(1.1, 1.4))})
    assert map_size(WALNUT, MaterialsConfig(), nearer) == 2 * size
    assert map_size(WALNUT, MaterialsConfig(map_size=64), VIEWS) == 64


def test_swatch_is_measured_on_its_maps_and_survives_the_disk(tmp_path: Path) -> None:
    own_set(tmp_path / "own", "Wood007", (119, 119, 119))
    config = MaterialsConfig(builtin=0, libraries=(MaterialLibraryConfig(folder=str(tmp_path / "own")),))
    stock = take_stock(config)
    found = make_swatch(stock.materials["own0_wood007"], 1, 32, tmp_path / "maps")
    np.testing.assert_allclose(found.colour, [50, 0, 0], atol=0.3)
    assert (found.material_class, found.library, found.weight) == ("wood", 1, 1.0)
    assert (tmp_path / "maps" / found.folder / "normal.png").is_file()
    save_library(tmp_path / "library.json", Library((found,)))
    assert load_library(tmp_path / "library.json") == Library((found,))


def test_set_with_an_unreadable_map_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    own_set(tmp_path / "own", "Wood007", (119, 90, 60))
    (tmp_path / "own" / "Metal001_1K-PNG_Color.png").write_bytes(b"")
    config = MaterialsConfig(builtin=0, libraries=(MaterialLibraryConfig(folder=str(tmp_path / "own")),))
    library, left_out = make_library(config, VIEWS, tmp_path / "maps")
    assert [s.name for s in library.swatches if s.material_class != "core"] == ["own0_wood007"]
    assert len(left_out) == 1 and "Metal001_1K-PNG_Color.png" in left_out[0].reason


def test_unknown_material_is_named() -> None:
    with pytest.raises(PipelineError, match="no material 'marble'"):
        Library(())["marble"]

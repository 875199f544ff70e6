"""The run's library: what is in stock, how heavy, how finely mapped, and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from materials.catalogue import load_catalogue
from pipeline.appearance.library import (
    Library,
    load_library,
    make_library,
    make_swatch,
    map_size,
    save_library,
    take_stock,
)
from pipeline.config import MaterialLibraryConfig, MaterialsConfig, ViewsConfig
from pipeline.errors import PipelineError

WALNUT = next(m for m in load_catalogue() if m.name == "walnut")
VIEWS = ViewsConfig()


def own_set(folder: Path, name: str, colour: tuple[int, int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), colour).save(folder / f"{name}_1K-PNG_Color.png")


def test_everything_is_in_stock_and_classes_weigh_the_same() -> None:
    stock = take_stock(MaterialsConfig())
    assert set(stock.materials) == {m.name for m in load_catalogue()}
    for material_class in ("wood", "plastic", "leather", "fabric", "metal"):
        names = [n for n, m in stock.materials.items() if m.material_class == material_class]
        assert sum(stock.weights[n] for n in names) == pytest.approx(1)
    assert not any(m.material_class == "core" for n, m in stock.materials.items() if n in stock.weights)


def test_own_library_is_mixed_in_by_weight_or_used_alone(tmp_path: Path) -> None:
    own_set(tmp_path / "own", "Fabric001", (90, 40, 30))
    own_set(tmp_path / "own", "Fabric002", (30, 40, 90))
    config = MaterialsConfig(libraries=(MaterialLibraryConfig(folder=str(tmp_path / "own"), weight=3.0),))
    stock = take_stock(config)
    own = {n: w for n, w in stock.weights.items() if n.startswith("own0_")}
    assert list(own.values()) == [1.5, 1.5]
    alone = take_stock(config.model_copy(update={"builtin": 0.0}))
    assert set(alone.weights) == set(own)
    assert {m.material_class for m in alone.materials.values()} == {"fabric", "core"}


def test_only_the_named_are_kept() -> None:
    stock = take_stock(MaterialsConfig(only=("walnut*", "chrome")))
    assert {"walnut", "chrome"} <= set(stock.weights) and all(n.startswith(("walnut", "chrome")) for n in stock.weights)
    assert stock.weights["chrome"] == 1.0
    with pytest.raises(PipelineError, match=r"no material is left: .*materials.only is \['marble'\]"):
        take_stock(MaterialsConfig(only=("marble",)))


def test_maps_are_as_fine_as_the_images_show(tmp_path: Path) -> None:
    # One pixel is 2.5 / (41 / 36 * 256) radii of 0.55 m: 4.7 mm at the object's centre.
    texels = WALNUT.tile / 0.0047 * 1.5
    size = map_size(WALNUT, MaterialsConfig(), VIEWS)
    assert texels <= size < 2 * texels
    assert map_size(WALNUT, MaterialsConfig(), VIEWS.model_copy(update={"resolution": 512})) == 2 * size
    assert map_size(WALNUT, MaterialsConfig(map_size=64), VIEWS) == 64


def test_swatch_is_measured_on_its_maps_and_survives_the_disk(tmp_path: Path) -> None:
    own_set(tmp_path / "own", "Wood007", (119, 119, 119))
    config = MaterialsConfig(builtin=0, libraries=(MaterialLibraryConfig(folder=str(tmp_path / "own")),))
    stock = take_stock(config)
    swatch = make_swatch(stock.materials["own0_wood007"], 2.0, 32, tmp_path / "maps")
    np.testing.assert_allclose(swatch.colour, [50, 0, 0], atol=0.3)
    assert (swatch.material_class, swatch.weight) == ("wood", 2.0)
    assert (tmp_path / "maps" / swatch.folder / "normal.png").is_file()
    save_library(tmp_path / "library.json", Library((swatch,)))
    assert load_library(tmp_path / "library.json") == Library((swatch,))


def test_set_with_an_unreadable_map_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    own_set(tmp_path / "own", "Wood007", (119, 90, 60))
    (tmp_path / "own" / "Metal001_1K-PNG_Color.png").write_bytes(b"")
    config = MaterialsConfig(builtin=0, libraries=(MaterialLibraryConfig(folder=str(tmp_path / "own")),))
    swatches, left_out = make_library(config, VIEWS, tmp_path / "maps")
    assert [s.name for s in swatches if s.material_class != "core"] == ["own0_wood007"]
    assert len(left_out) == 1 and "Metal001_1K-PNG_Color.png" in left_out[0].reason


def test_unknown_material_is_named() -> None:
    with pytest.raises(PipelineError, match="no material 'marble'"):
        Library(())["marble"]

"""The built-in catalogue's contents, and what a faulty catalogue is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from materials.catalogue import load_catalogue
from materials.recipes import MATERIAL_CLASSES, MaterialClass
from pipeline.errors import PipelineError

GOOD = '{name: a, class: metal, recipe: cast, tile_size: 0.5, parameters: {color: "#606060"}}'


def _load(tmp_path: Path, *entries: str) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text("\n".join(f"- {entry}" for entry in entries), encoding="utf-8")
    load_catalogue(path)


def test_builtin_catalogue_has_every_class_in_about_the_share_of_furniture() -> None:
    catalogue = load_catalogue()
    shares = Counter(m.material_class for m in catalogue.materials)
    total = sum(shares.values())
    assert total >= 48
    wanted: dict[MaterialClass, float] = {"fabric": 0.33, "wood": 0.27, "metal": 0.17, "leather": 0.13, "plastic": 0.10}
    assert all(abs(shares[c] / total - share) < 0.03 for c, share in wanted.items())
    assert all(0.2 <= m.tile_size <= 1.0 for m in catalogue.materials)


def test_lookup_by_name_and_class() -> None:
    catalogue = load_catalogue()
    assert catalogue["walnut"].material_class == "wood"
    assert sum(len(catalogue.of_class(c)) for c in MATERIAL_CLASSES) == len(catalogue.materials)
    with pytest.raises(PipelineError, match=r"no material 'marble'.*walnut"):
        catalogue["marble"]


def test_parameters_left_out_are_completed_by_the_recipes_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"- {GOOD}", encoding="utf-8")
    assert load_catalogue(path)["a"].parameters == {"color": "#606060", "roughness": 0.62}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (GOOD.replace("cast", "forged"), r"a: unknown recipe 'forged'; there are .*brushed"),
        (GOOD.replace("class: metal", "class: glass"), r"0.class = 'glass'.*classes are wood, plastic"),
        (GOOD.replace("class: metal", "class: wood"), r"recipe 'cast' makes metal, not class 'wood'"),
        (GOOD.replace("color:", "colour:"), r"colour = '#606060': Extra.*'cast' takes color, roughness"),
        (GOOD.replace("#606060", "grey"), r"color = 'grey'"),
        (GOOD.replace('"#606060"', '"#606060", roughness: 1.5'), r"roughness = 1.5: .*less than or equal to 1"),
        (GOOD.replace("0.5", "0"), r"tile_size = 0"),
        (GOOD.replace("0.5", ".nan"), r"tile_size = nan"),
        (GOOD.replace(", tile_size: 0.5", ""), r"tile_size.*[Ff]ield required"),
    ],
)
def test_faulty_entry_is_named_with_what_is_allowed(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        _load(tmp_path, entry)
    assert "catalogue.yaml" in str(error.value)


def test_name_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"name\(s\) a used twice"):
        _load(tmp_path, GOOD, GOOD)


def test_unreadable_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"absent\.yaml"):
        load_catalogue(tmp_path / "absent.yaml")
    (tmp_path / "broken.yaml").write_text("- {name: [", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"cannot read .*broken\.yaml"):
        load_catalogue(tmp_path / "broken.yaml")

"""Keywords, the table of classes, the sidecar."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from materials.scans.classes import DEFAULTS, KEYWORDS, Rule, class_by_words, load_rules, load_sidecar
from pipeline.errors import PipelineError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Planks012", "wood"),
        ("WoodFloor051", "wood"),
        ("rosewood_veneer1", "wood"),
        ("denim fabric 02", "fabric"),
        ("Knitted-Wool", "fabric"),
        ("fabric_leather_01", "leather"),
        ("PaintedMetal002", "metal"),
        ("corrugatedsteel", "metal"),
        ("ALUMINIUM_brushed", "metal"),
        ("black vinyl", "plastic"),
        ("trusty_soaked_spine", None),
        ("rustic_tiles", None),
    ],
)
def test_words_of_a_name_tell_the_class(name: str, expected: str | None) -> None:
    assert class_by_words([name]) == expected


def test_the_name_goes_before_its_folder() -> None:
    assert class_by_words(["oak_01", "metal"]) == "wood"
    assert class_by_words(["set_01", "metal", "wood"]) == "metal"


@pytest.mark.parametrize("pattern", ["chair*", "SEATS/*", "seats", "seats/chair_0?"])
def test_a_rule_fits_name_folder_or_both(pattern: str) -> None:
    rule = Rule.model_validate({"pattern": pattern, "class": "wood"})
    assert rule.fits(PurePosixPath("seats"), "Chair_01")
    assert not rule.fits(PurePosixPath("tables"), "desk_01")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class: stone", "class = 'stone'"),
        ("tile: 0", "tile = 0"),
        ("colour: red", "keys are class, tile, finish, normal, name"),
        ("finish: {coat: 2}", "finish.coat = 2"),
        ("normal: up", "normal = 'up'"),
        ("class: [", "cannot be read as YAML"),
    ],
)
def test_a_wrong_sidecar_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "material.yaml"
    path.write_text(text)
    with pytest.raises(PipelineError) as raised:
        load_sidecar(path)
    assert str(path) in str(raised.value) and message in str(raised.value) and "\n" not in str(raised.value)


def test_a_wrong_table_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text("- {pattern: '*', class: stone}")
    with pytest.raises(PipelineError, match=r"classes\.yaml: 0\.class = 'stone'"):
        load_rules(path)


def test_empty_files_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert load_rules(path) == ()
    assert load_sidecar(path).material_class is None


def test_the_page_for_users_has_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "own_materials.md").read_text(encoding="utf-8")
    for name, words in KEYWORDS.items():
        default = DEFAULTS[name]
        assert f"| {name} | {default.tile} | {default.roughness} | `{words}` |" in page

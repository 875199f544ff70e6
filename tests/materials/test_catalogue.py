"""The built-in catalogue's contents, and what a faulty catalogue is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from materials.catalogue import load_catalogue
from materials.material import Finish, Material
from materials.synthesis import Synthesis
from pipeline.errors import PipelineError

ENTRY = '{name: a, color: "#606060"}'
GROUP = "- {recipe: cast, tile: 0.5, materials: [" + ENTRY + "]}"


def _load(tmp_path: Path, text: str) -> tuple[Material, ...]:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    return load_catalogue(path)


def test_builtin_catalogue_has_four_hundred_in_about_the_shares_of_furniture() -> None:
    counts = Counter(m.material_class for m in load_catalogue())
    total = sum(counts.values()) - counts["core"]
    assert total >= 400
    # Of the 600 materials of TMT (Hu et al. 2022), docs/results.md.
    wanted = {"fabric": 0.33, "wood": 0.27, "metal": 0.17, "leather": 0.13, "plastic": 0.10}
    assert all(abs(counts[c] / total - share) < 0.03 for c, share in wanted.items())  # type: ignore[index]
    assert counts["core"] >= 5


def test_tiles_have_sizes_of_real_surfaces() -> None:
    assert all(0.1 <= m.tile <= 1.0 for m in load_catalogue())


def test_parameters_left_out_are_the_groups_and_then_the_recipes(tmp_path: Path) -> None:
    text = """
- recipe: cast
  tile: 0.5
  finish: {coat: 0.5, sheen: 0.1}
  parameters: {color: "#606060"}
  materials:
  - {name: a}
  - {name: b, roughness: 0.3, color: "#707070", tile: 0.2, weight: 3, finish: {coat: 0.0}}
"""
    first, second = _load(tmp_path, text)
    assert isinstance(first.source, Synthesis) and isinstance(second.source, Synthesis)
    assert first.source.parameters["color"] == "#606060"
    assert set(first.source.parameters) > {"color"}  # the recipe's defaults
    assert (first.tile, first.weight, first.finish) == (0.5, 1, Finish(coat=0.5, sheen=0.1))
    assert first.material_class == "metal"
    assert second.source.parameters == {**first.source.parameters, "color": "#707070", "roughness": 0.3}
    assert (second.tile, second.weight, second.finish) == (0.2, 3, Finish(coat=0.0, sheen=0.1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cast", "forged", r"unknown recipe 'forged'; there are .*brushed"),
        ("color:", "colour:", r"a: .*colour = '#606060': Extra.*'cast' takes color, "),
        ('"#606060"', "grey", r"a: color = 'grey'"),
        ('"#606060"', '"#606060", roughness: 1.5', r"a: roughness = 1.5: .*less than or equal to 1"),
        ('"#606060"', '"#606060", finish: {gloss: 1}', r"a: finish: gloss = 1: Extra.*a finish has coat"),
        ("tile: 0.5", "tile: 0", r"0.tile = 0"),
        ("tile: 0.5", "tile: .nan", r"0.tile = nan"),
        ("tile: 0.5, ", "", r"0.tile.*[Ff]ield required"),
        ("name: a", "name: A b", r"0.materials.0.name = 'A b'"),
        (ENTRY, f"{ENTRY}, {ENTRY}", r"name\(s\) a used twice"),
        (ENTRY, "", r"0.materials = \[\]"),
    ],
)
def test_faulty_entry_is_named_with_what_is_allowed(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GROUP
    with pytest.raises(PipelineError, match=message) as error:
        _load(tmp_path, GROUP.replace(old, new))
    assert "catalogue.yaml" in str(error.value)


def test_unreadable_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"absent\.yaml"):
        load_catalogue(tmp_path / "absent.yaml")
    with pytest.raises(PipelineError, match=r"catalogue\.yaml cannot be read as YAML"):
        _load(tmp_path, "- {recipe: [")

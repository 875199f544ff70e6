"""Colours by which built-in materials are chosen before their maps are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from materials.cache import ensure_maps, read_summary
from materials.catalogue import load_catalogue
from materials.colours import known_colour
from materials.material import Material
from materials.noise import MIN_SIZE
from materials.synthesis import Synthesis

CATALOGUE = load_catalogue()


def test_those_of_the_whole_catalogue_are_known() -> None:
    unknown = [material.name for material in CATALOGUE if known_colour(material) is None]
    assert not unknown, "python -m materials.colours measures them"


@pytest.mark.parametrize("material", CATALOGUE[::120], ids=lambda material: material.name)
def test_they_are_those_of_the_maps(material: Material, tmp_path: Path) -> None:
    assert known_colour(material) == read_summary(ensure_maps(material, MIN_SIZE, tmp_path)).colour


def test_that_of_a_recipe_that_has_changed_is_not_known() -> None:
    first = CATALOGUE[0]
    assert isinstance(first.source, Synthesis)
    assert known_colour(replace(first, source=replace(first.source, parameters={"another": 1}))) is None

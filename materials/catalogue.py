"""The catalogue: named materials, each a recipe with parameters and the size of its tile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from materials.recipes import MATERIAL_CLASSES, RECIPES, MaterialClass
from pipeline.errors import PipelineError

BUILTIN = Path(__file__).with_name("catalogue.yaml")


@dataclass(frozen=True)
class Material:
    """One SVBRDF. ``parameters`` are the recipe's, complete; ``tile_size`` is a tile's edge in object radii."""

    name: str
    material_class: MaterialClass
    recipe: str
    parameters: Mapping[str, Any]
    tile_size: float


@dataclass(frozen=True)
class Catalogue:
    """Materials with unique names, in the file's order."""

    materials: tuple[Material, ...]

    def __getitem__(self, name: str) -> Material:
        """The material of that name; PipelineError lists the known ones."""
        for material in self.materials:
            if material.name == name:
                return material
        raise PipelineError(
            f"no material {name!r} in the catalogue; it has {', '.join(m.name for m in self.materials)}"
        )

    def of_class(self, material_class: MaterialClass) -> tuple[Material, ...]:
        return tuple(m for m in self.materials if m.material_class == material_class)


class _Entry(BaseModel):
    """One entry as the YAML file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    material_class: MaterialClass = Field(alias="class")
    recipe: str
    parameters: dict[str, Any]
    tile_size: float = Field(gt=0, allow_inf_nan=False)


def load_catalogue(path: Path = BUILTIN) -> Catalogue:
    """Read and check a catalogue. PipelineError names the file, the entry and what is allowed there."""
    try:
        entries = TypeAdapter(list[_Entry]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PipelineError(f"cannot read the material catalogue {path}: {error}") from error
    except ValidationError as error:
        classes = ", ".join(MATERIAL_CLASSES)
        raise PipelineError(f"material catalogue {path}: {_problems(error)}; classes are {classes}") from error
    repeated = [name for name, count in Counter(e.name for e in entries).items() if count > 1]
    if repeated:
        raise PipelineError(
            f"material catalogue {path}: name(s) {', '.join(repeated)} used twice; names must be unique"
        )
    return Catalogue(tuple(_material(entry, path) for entry in entries))


def _material(entry: _Entry, path: Path) -> Material:
    where = f"material catalogue {path}: {entry.name}"
    recipe = RECIPES.get(entry.recipe)
    if recipe is None:
        raise PipelineError(f"{where}: unknown recipe {entry.recipe!r}; there are {', '.join(sorted(RECIPES))}")
    if recipe.material_class != entry.material_class:
        raise PipelineError(
            f"{where}: recipe {entry.recipe!r} makes {recipe.material_class}, not class {entry.material_class!r}"
        )
    try:
        parameters = recipe.parameters.model_validate(entry.parameters).model_dump()
    except ValidationError as error:
        allowed = ", ".join(recipe.parameters.model_fields)
        raise PipelineError(f"{where}: {_problems(error)}; {entry.recipe!r} takes {allowed}") from error
    return Material(entry.name, entry.material_class, entry.recipe, parameters, entry.tile_size)


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(x) for x in item['loc']) or 'the file'} = {item['input']!r}: {item['msg']}"
        for item in error.errors()
    )

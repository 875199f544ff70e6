"""The built-in catalogue: groups of named materials that share a recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from materials.material import Finish, Material
from materials.recipes import RECIPES
from materials.synthesis import Synthesis
from pipeline.errors import PipelineError
from pipeline.settings.yaml_files import load_yaml, problems

BUILTIN = Path(__file__).with_name("catalogue.yaml")


class _Entry(BaseModel):
    """One material: its own parameters beside these keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    tile: float | None = Field(None, gt=0, allow_inf_nan=False)
    weight: float | None = Field(None, gt=0, allow_inf_nan=False)
    finish: dict[str, Any] = Field(default_factory=dict)


class _Group(BaseModel):
    """Materials of one recipe; what an entry says goes before what its group says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    tile: float = Field(gt=0, allow_inf_nan=False)
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    finish: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    materials: tuple[_Entry, ...] = Field(min_length=1)


def load_catalogue(path: Path = BUILTIN) -> tuple[Material, ...]:
    """Read and check a catalogue; materials have unique names and the file's order.

    PipelineError names the file, the entry and what is allowed there.
    """
    content = load_yaml(path)
    try:
        groups = TypeAdapter(tuple[_Group, ...]).validate_python(content)
    except ValidationError as error:
        raise PipelineError(f"material catalogue {path}: {problems(error)}") from error
    materials = tuple(material for group in groups for material in _materials(group, path))
    repeated = [name for name, count in Counter(m.name for m in materials).items() if count > 1]
    if repeated:
        raise PipelineError(
            f"material catalogue {path}: name(s) {', '.join(repeated)} used twice; names must be unique"
        )
    return materials


def _materials(group: _Group, path: Path) -> Iterator[Material]:
    recipe = RECIPES.get(group.recipe)
    if recipe is None:
        raise PipelineError(
            f"material catalogue {path}: unknown recipe {group.recipe!r}; there are {', '.join(sorted(RECIPES))}"
        )
    for entry in group.materials:
        where = f"material catalogue {path}: {entry.name}"
        try:
            given = {**group.parameters, **(entry.model_extra or {})}
            parameters = recipe.parameters.model_validate(given).model_dump()
        except ValidationError as error:
            allowed = ", ".join(recipe.parameters.model_fields)
            raise PipelineError(f"{where}: {problems(error)}; {group.recipe!r} takes {allowed}") from error
        try:
            finish = Finish.model_validate({**group.finish, **entry.finish})
        except ValidationError as error:
            allowed = ", ".join(Finish.model_fields)
            raise PipelineError(f"{where}: finish: {problems(error)}; a finish has {allowed}") from error
        source = Synthesis(entry.name, group.recipe, parameters)
        tile, weight = entry.tile or group.tile, entry.weight or group.weight
        yield Material(entry.name, recipe.material_class, tile, finish, source, weight)

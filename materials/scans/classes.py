"""Which class a set of maps belongs to, and what its class and its owner say of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from materials.material import Finish, WornClass
from pipeline.errors import PipelineError
from pipeline.settings.yaml_files import load_yaml, problems

Tile = Annotated[float, Field(gt=0, allow_inf_nan=False, description="edge of what the maps cover, in metres")]


@dataclass(frozen=True)
class ClassDefault:
    """What is taken for what the files do not say; ``tile`` in metres."""

    tile: float
    roughness: float
    metallic: float = 0.0


DEFAULTS: dict[WornClass, ClassDefault] = {
    "wood": ClassDefault(0.6, 0.5),
    "fabric": ClassDefault(0.4, 0.9),
    "leather": ClassDefault(0.4, 0.5),
    "metal": ClassDefault(0.5, 0.35, metallic=1.0),
    "plastic": ClassDefault(0.5, 0.4),
}

#: Shell patterns of whole words, singular. The last such word of a name decides ("leather fabric" is a fabric).
KEYWORDS: dict[WornClass, str] = {
    "wood": "*wood* oak walnut plank planks veneer parquet bark timber lumber pine beech birch maple mahogany teak "
    "ebony spruce bamboo rattan wicker",
    "fabric": "*fabric* cloth *textile* linen denim jeans velvet velour corduroy wool* knit* carpet rug tweed cotton "
    "silk canvas felt burlap hessian jute satin chenille boucle upholstery polyester",
    "leather": "*leather* suede nubuck cowhide",
    "metal": "*metal* *steel* chrome brass copper bronze iron alumin* rust rusty rusted nickel zinc titanium",
    "plastic": "*plastic* *rubber* vinyl pvc acrylic polycarbonate polypropylene resin",
}
_PATTERNS = [(pattern, name) for name, patterns in KEYWORDS.items() for pattern in patterns.split()]


class Sidecar(BaseModel):
    """``material.yaml`` beside the maps: what their owner says of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    material_class: WornClass | None = Field(None, alias="class")
    tile: Tile | None = None
    finish: Finish = Finish()
    normal: Literal["opengl", "directx"] | None = None
    name: str | None = Field(None, min_length=1)


class Rule(BaseModel):
    """One line of ``classes.yaml``: a class for every set whose path or name fits ``pattern``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str = Field(min_length=1)
    material_class: WornClass = Field(alias="class")
    tile: Tile | None = None

    def fits(self, folder: PurePosixPath, name: str) -> bool:
        """Whether a set of that name in that folder (relative to the library) is meant; case does not count."""
        pattern = self.pattern.lower()
        return any(fnmatchcase(str(text).lower(), pattern) for text in (name, folder, folder / name))


def load_sidecar(path: Path) -> Sidecar:
    """Read and check a sidecar; PipelineError names the file and what is allowed."""
    try:
        return Sidecar.model_validate(load_yaml(path) or {})
    except ValidationError as error:
        raise PipelineError(f"{path}: {problems(error)}; keys are {_keys(Sidecar)}") from error


def load_rules(path: Path) -> tuple[Rule, ...]:
    """Read and check a table of classes; PipelineError names the file and what is allowed."""
    try:
        return TypeAdapter(tuple[Rule, ...]).validate_python(load_yaml(path) or ())
    except ValidationError as error:
        raise PipelineError(f"{path}: {problems(error)}; it is a list of entries with {_keys(Rule)}") from error


def class_by_words(names: Iterable[str]) -> WornClass | None:
    """The class that the first of ``names`` with a keyword tells."""
    return next((found for name in names if (found := _class_of_name(name))), None)


def _class_of_name(name: str) -> WornClass | None:
    return next((found for word in reversed(_words(name)) if (found := _class_of_word(word))), None)


def _class_of_word(word: str) -> WornClass | None:
    forms = {word, word.removesuffix("s")}
    return next((name for pattern, name in _PATTERNS if any(fnmatchcase(form, pattern) for form in forms)), None)


def _words(name: str) -> Sequence[str]:
    """Words in lower case: ``"WoodFloor051_oak"`` has ``wood``, ``floor``, ``oak``."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(field.alias or name for name, field in model.model_fields.items())

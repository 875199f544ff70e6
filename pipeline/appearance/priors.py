"""The prior table: which zone a part belongs to, and what zones are made of.

Our counterpart of PhotoShape's (Park et al. 2018) inference from photographs, which the paper used: no
photographs are needed, and the table works for categories nobody has photographed.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

import materials
from materials.material import MaterialClass
from pipeline.errors import PipelineError
from pipeline.settings.base import Fraction, StrictModel
from pipeline.settings.loading import parse
from pipeline.settings.yaml_files import load_yaml
from pipeline.shapes.shape import Hardness

BUILTIN = Path(materials.__file__).with_name("priors.yaml")

#: What parts that are not upholstered are made of. Every zone must allow all three: whatever few
#: materials an object has, one of them then fits.
HARD: tuple[MaterialClass, ...] = ("wood", "metal", "plastic")


def _allow_hard(weights: dict[MaterialClass, float]) -> dict[MaterialClass, float]:
    missing = [c for c in HARD if c not in weights]
    if missing:
        raise ValueError(f"no weight for {', '.join(missing)}; give a small one")
    return weights


Weights = dict[MaterialClass, PositiveFloat]


class Rule(StrictModel):
    """Label paths that match ``pattern`` (shell style, ``*`` also matches ``/``) belong to ``zone``."""

    pattern: str
    zone: str


class Zone(StrictModel):
    """What a zone is made of: weights of classes, and earlier zones whose material it may take over.

    avoid: shell patterns of names or styles (recipes) of materials that it never wears.
    """

    follows: dict[str, Fraction] = Field(default_factory=dict)
    weights: Annotated[Weights, AfterValidator(_allow_hard)]
    avoid: tuple[str, ...] = ()

    def suits(self, name: str, style: str) -> bool:
        """Whether a material of this name and style may be worn here."""
        return not any(fnmatchcase(name, pattern) or fnmatchcase(style, pattern) for pattern in self.avoid)


class Harmony(StrictModel):
    """Which colours go together; see ``pipeline.appearance.harmony``."""

    neutral_chroma: PositiveFloat
    brown_hue: tuple[float, float]
    brown_chroma: PositiveFloat
    similar_hue: PositiveFloat
    opposite_hue: PositiveFloat
    min_difference: PositiveFloat
    tries: PositiveInt


class Priors(StrictModel):
    """The whole table, as documented in ``materials/priors.yaml``."""

    soft: Annotated[Weights, Field(min_length=1)]
    max_materials: int = Field(ge=2)
    min_share_to_follow: Fraction
    harmony: Harmony
    cores: dict[MaterialClass, tuple[str, ...]]
    rules: tuple[Rule, ...]
    zones: dict[str, Zone]
    default: Zone

    @model_validator(mode="after")
    def _zones_exist(self) -> Priors:
        names = list(self.zones)
        unknown = [r.zone for r in self.rules if r.zone not in self.zones]
        unknown += [leader for leader in self.default.follows if leader not in self.zones]
        if unknown:
            raise ValueError(f"unknown zone(s) {', '.join(unknown)}; there are {', '.join(names)}")
        for place, (name, zone) in enumerate(self.zones.items()):
            late = [leader for leader in zone.follows if leader not in names[:place]]
            if late:
                raise ValueError(f"zone {name} follows {', '.join(late)}; it can only follow a zone listed before it")
        return self

    def zone_of(self, label: str) -> str:
        """Zone of a label path; by its second level where no rule matches."""
        for rule in self.rules:
            if fnmatchcase(label, rule.pattern):
                return rule.zone
        return "/".join(label.split("/")[:2])

    def zone(self, name: str) -> Zone:
        return self.zones.get(name, self.default)

    def weights(self, zone: str, hardness: Hardness | None) -> Weights:
        """Class weights of a zone's parts that the source calls soft, hard, or nothing."""
        if hardness == "soft":
            return self.soft
        weights = self.zone(zone).weights
        return {c: w for c, w in weights.items() if hardness is None or c in HARD}

    def usual(self, zone: str, hardness: Hardness | None) -> set[MaterialClass]:
        """Classes common enough there to be taken over from another zone."""
        weights = self.weights(zone, hardness)
        return {c for c, w in weights.items() if w >= self.min_share_to_follow * sum(weights.values())}


@cache
def load_priors(path: Path = BUILTIN) -> Priors:
    """Read and check a prior table. PipelineError names the file, the key and what is allowed there."""
    settings = load_yaml(path)
    if not isinstance(settings, dict):
        raise PipelineError(f"material priors {path} must be a mapping, got {type(settings).__name__}")
    return parse(Priors, settings, str(path))

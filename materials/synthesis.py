"""A material's maps, made from a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from materials.maps import Maps, check_size, encode, texels
from materials.noise import MIN_SIZE, Canvas
from materials.recipes import RECIPES
from pipeline.seeding import rng

#: The library is one fixed set of materials: the run's seed chooses among them, it does not change them.
LIBRARY_SEED = 0
#: Raise when a recipe's code changes what it draws.
VERSION = 3


@dataclass(frozen=True)
class Synthesis:
    """A ``MapSource``: ``recipe`` with its complete ``parameters``; the name decides the pattern."""

    name: str
    recipe: str
    parameters: Mapping[str, Any]

    @property
    def style(self) -> str:
        return self.recipe

    @property
    def key(self) -> list[object]:
        return ["recipe", VERSION, self.name, self.recipe, dict(self.parameters)]

    def maps(self, size: int) -> Maps:
        """Maps of ``size`` x ``size`` pixels; the same recipe gives the same bytes, whatever came before.

        Sizes below ``MIN_SIZE`` are averaged down from it. Raises PipelineError unless ``size`` is a power of two.
        """
        check_size(size)
        work = max(size, MIN_SIZE)
        canvas = Canvas(work, rng(LIBRARY_SEED, "materials", self.name))
        surface = RECIPES[self.recipe].function(canvas, **self.parameters)
        return encode(texels(surface).reduced(work // size))

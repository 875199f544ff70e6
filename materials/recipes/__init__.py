"""Every recipe by name, with its class and the model that checks its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from materials.maps import SVBRDF
from materials.material import MaterialClass
from materials.recipes import core
from materials.recipes.fabric import figured, knitted, pile
from materials.recipes.fabric import woven as woven_fabric
from materials.recipes.leather import grain_side, nap, worked
from materials.recipes.metal import aged, bare, painted
from materials.recipes.plastic import filled
from materials.recipes.plastic import solid as solid_plastic
from materials.recipes.plastic import woven as woven_plastic
from materials.recipes.wood import coated
from materials.recipes.wood import solid as solid_wood
from materials.recipes.wood import woven as woven_wood


@dataclass(frozen=True)
class Recipe:
    """``function(canvas, **parameters) -> SVBRDF``; ``parameters`` validates and completes them."""

    material_class: MaterialClass
    function: Callable[..., SVBRDF]
    parameters: type[BaseModel]


def _recipe(material_class: MaterialClass, function: Callable[..., SVBRDF]) -> Recipe:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        p.name: (hints[p.name], ... if p.default is p.empty else p.default)
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    return Recipe(material_class, function, create_model(function.__name__, __config__=config, **fields))


_MODULES: dict[MaterialClass, tuple[ModuleType, ...]] = {
    "wood": (solid_wood, coated, woven_wood),
    "plastic": (solid_plastic, filled, woven_plastic),
    "leather": (grain_side, nap, worked),
    "fabric": (woven_fabric, pile, knitted, figured),
    "metal": (bare, aged, painted),
    "core": (core,),
}


def _recipes() -> dict[str, Recipe]:
    """Every module's, by name: two of one name would hide each other."""
    recipes: dict[str, Recipe] = {}
    for material_class, modules in _MODULES.items():
        for module in modules:
            for name in module.__all__:
                assert name not in recipes, f"two recipes {name!r}"
                recipes[name] = _recipe(material_class, getattr(module, name))
    return recipes


RECIPES = _recipes()

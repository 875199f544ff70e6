"""Nested settings as one level of dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def flatten(settings: Mapping[str, Any] | BaseModel, prefix: str = "") -> dict[str, Any]:
    """Dotted name -> value as JSON has it; sections, models and mappings are gone into.

    >>> flatten({"views": {"radius": 2.5, "variety": {"roll_degrees": 0}}, "seed": 1})
    {'views.radius': 2.5, 'views.variety.roll_degrees': 0, 'seed': 1}
    """
    items = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    flat: dict[str, Any] = {}
    for key, value in items.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping | BaseModel):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = list(value) if isinstance(value, tuple) else value
    return flat

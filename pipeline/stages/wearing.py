"""What is worn, by what the stage ``materials`` chose: for the stages that draw maps and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.appearance.surroundings import find_floors
from pipeline.engine.stage import Outcomes
from pipeline.files import read_json
from pipeline.stages.context import Context
from pipeline.stages.palette import read_palette


def worn_by_shape(context: Context, outcomes: Outcomes) -> dict[str, set[str]]:
    """Shape -> names of all materials that its images show; none where that is yet to be chosen (in a survey only)."""
    ground = set() if outcomes.pending("palette") else set(floors(context))
    chosen = {i for i, outcome in outcomes.of("materials").items() if outcome.status == "done"}
    layout = context.layout
    return {
        i: worn_by(read_json(layout.materials(i))) | ground if i in chosen else set()
        for i in outcomes.done("materials")
    }


def worn_by(chosen: Mapping[str, Any]) -> set[str]:
    """Names of all materials that a shape wears, by its file of the materials stage, and of their cores."""
    names = {name for parts in chosen["textures"].values() for name in parts.values()}
    names |= {name for given in chosen["overrides"].values() for parts in given.values() for name in parts.values()}
    return names | {core for name, core in chosen["cores"].items() if name in names}


def floors(context: Context) -> tuple[str, ...]:
    """Names of the materials that floors are made of."""
    return find_floors(context.config.render.surroundings.floor, read_palette(context.layout).worn_names)

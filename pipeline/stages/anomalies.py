"""anomalies: those of the first plan, each with its proof, and how many cameras show it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Unit
from pipeline.stages.context import Context
from pipeline.stages.making import making_units
from pipeline.stages.plan import read_first_plan

#: What cuts and measures.
LIBRARIES = ("numpy", "scipy", "trimesh", "embreex", "manifold3d", "pymeshlab")


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape."""
    return making_units("anomalies", context, outcomes, read_first_plan(context.layout).shapes)


STAGE = Stage(name="anomalies", unit="shape", version=4, libraries=LIBRARIES, units=units)

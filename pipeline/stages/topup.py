"""topup: the anomalies of the shapes that stand in for others; none where nothing is lacking."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Unit
from pipeline.planning.storage import load_plan
from pipeline.stages.anomalies import LIBRARIES
from pipeline.stages.context import Context
from pipeline.stages.making import making_units


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape that stands in for another. In a survey those count that did last."""
    if context.layout.standins.is_file():
        made = outcomes.done("anomalies")
        plans = load_plan(context.layout.standins)
        yield from making_units("topup", context, outcomes, {i: plans[i] for i in made if i in plans})


STAGE = Stage(name="topup", unit="shape", version=4, libraries=LIBRARIES, units=units)

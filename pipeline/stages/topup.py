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
    """One a shape that stands in for another. Which do is not known before the stage ``standins`` is done."""
    if not outcomes.pending("standins"):
        yield from making_units("topup", context, outcomes, load_plan(context.layout.standins))


STAGE = Stage(name="topup", unit="shape", version=4, libraries=LIBRARIES, units=units)

"""standins: which shapes stand in for those whose anomalies proved impossible or are never seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.planning.storage import save_plan
from pipeline.planning.topup import plan_more
from pipeline.settings.flat import flatten
from pipeline.stages.context import Context
from pipeline.stages.making import read_made
from pipeline.stages.plan import make_planner, read_first_plan

NAME = "standins"


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One, of what came of all shapes' first plans."""
    config = context.config
    made = {f"shape {i}": outcomes.digest("anomalies", i) for i in outcomes.done("anomalies")}
    sections = {"seed": config.seed, "plan": config.plan, "split": config.split, "anomalies": config.anomalies}
    ids, done = outcomes.done("shapes"), outcomes.done("anomalies")
    yield Unit(NAME, flatten(sections), {**outcomes.inputs("plan", "plan"), **made}, partial(make, ids, done))


def make(ids: list[str], done: list[str], context: Context) -> Result:
    """Plan further anomalies for the shapes whose first ones are ``done``, where any are lacking."""
    layout = context.layout
    more = {}
    if context.config.plan.top_up:
        first = read_first_plan(layout).shapes
        made = {i: read_made(layout, "anomalies", i) for i in done}
        more = dict(plan_more(make_planner(context, ids), {i: first[i] for i in done}, made))
    save_plan(layout.standins, more)
    return Result((layout.standins,))


STAGE = Stage(
    name=NAME,
    unit="dataset",
    version=1,
    libraries=("numpy", "scipy"),
    units=units,
    isolated=False,
    implied=True,
)

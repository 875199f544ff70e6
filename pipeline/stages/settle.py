"""settle: what is drawn, of what could be made: as many images of each anomaly as are wanted and can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.planning.storage import load_plan, save_plan
from pipeline.planning.topup import final_plan, shortfall
from pipeline.settings.flat import flatten
from pipeline.stages.context import Context
from pipeline.stages.making import read_made
from pipeline.stages.plan import make_planner, read_first_plan

NAME = "settle"


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One, of all that was made."""
    config = context.config
    ids, done, more = (outcomes.done(stage) for stage in ("shapes", "anomalies", "topup"))
    made = {f"shape {i}": outcomes.digest("anomalies", i) for i in done}
    made |= {f"topup {i}": outcomes.digest("topup", i) for i in more}
    sections = {"seed": config.seed, "plan": config.plan, "split": config.split, "anomalies": config.anomalies}
    inputs = {**outcomes.inputs("plan", "plan"), **outcomes.inputs("standins", "standins"), **made}
    yield Unit(NAME, flatten(sections), inputs, partial(make, ids, done, more))


def make(ids: list[str], done: list[str], more: list[str], context: Context) -> Result:
    """Settle the plan. What is still lacking of what was asked for counts as refused."""
    layout = context.layout
    first, standins = read_first_plan(layout).shapes, load_plan(layout.standins)
    plans = [{i: first[i] for i in done}, {i: standins[i] for i in more}]
    made = {i: read_made(layout, "anomalies", i) for i in done}
    for i in more:
        made[i] = made[i].joined(read_made(layout, "topup", i))
    planner = make_planner(context, ids)
    final = final_plan(planner, plans, made)
    targets = {name: asdict(planner.target(counts)) for name, counts in planner.types.items()}
    save_plan(layout.plan, final, targets=targets, normal_images=planner.scaled(context.config.plan.normal.images))
    return Result((layout.plan,), shortfall(planner, final))


STAGE = Stage(
    name=NAME,
    unit="dataset",
    version=1,
    libraries=("numpy", "scipy"),
    units=units,
    isolated=False,
    implied=True,
)

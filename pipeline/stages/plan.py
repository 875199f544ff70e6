"""plan: every shape's split, anomalies, parts and numbers of images, before any is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from pipeline.anomalies.kind import find_kind
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.layout import Layout
from pipeline.planning.planner import Planner
from pipeline.planning.splits import assign_splits
from pipeline.planning.storage import FirstPlan, load_first_plan, save_first_plan
from pipeline.settings.flat import flatten
from pipeline.stages.context import Context
from pipeline.stages.shapes import read_summary

NAME = "plan"


def check(context: Context) -> None:
    """An unknown type is an error now, not after all shapes are read."""
    for name in context.config.plan.types:
        find_kind(name)


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One, of all shapes."""
    config = context.config
    sections = {"seed": config.seed, "plan": config.plan, "split": config.split, "anomalies": config.anomalies}
    ids = outcomes.done("shapes")
    inputs = {f"shape {i}": outcomes.digest("shapes", i) for i in ids}
    yield Unit(NAME, flatten(sections), inputs, partial(make, ids))


def make(ids: Sequence[str], context: Context) -> Result:
    """Plan for the shapes."""
    planner = make_planner(context, ids)
    save_first_plan(context.layout.first_plan, FirstPlan(dict(planner.splits), dict(planner.first_plan())))
    return Result((context.layout.first_plan,))


def make_planner(context: Context, ids: Sequence[str]) -> Planner:
    """The planner for these shapes, by what the shapes stage stored of them."""
    config, layout = context.config, context.layout
    summaries = {i: read_summary(layout, i) for i in ids}
    splits = assign_splits({i: summary.model_id for i, summary in summaries.items()}, config.split, config.seed)
    nodes = {i: summary.nodes for i, summary in summaries.items()}
    return Planner(config.plan, config.anomalies, config.seed, nodes, splits)


def read_first_plan(layout: Layout) -> FirstPlan:
    """What ``make`` wrote."""
    return load_first_plan(layout.first_plan)


STAGE = Stage(
    name=NAME,
    unit="dataset",
    version=1,
    libraries=("numpy", "scipy"),
    units=units,
    isolated=False,
    check=check,
    implied=True,
)

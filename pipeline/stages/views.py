"""views: cameras and lights of every image, with depth, ids and masks; the reference views' geometry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.errors import UnitRejected
from pipeline.planning.plan import ShapePlan
from pipeline.planning.storage import load_plan, plan_digest
from pipeline.planning.summary import image_counts
from pipeline.settings.flat import flatten
from pipeline.shapes.storage import load_shape
from pipeline.stages.context import Context
from pipeline.stages.making import load_anomalies
from pipeline.stages.plan import read_first_plan
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View, ViewSelector, Wanted
from pipeline.views.storage import save_views


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape of which the final plan draws anything, or the first one wanted to."""
    config, layout = context.config, context.layout
    settings = flatten({"seed": config.seed, "views": config.views})
    first = read_first_plan(layout).shapes
    # In a survey what is to be settled anew counts as it was settled last.
    final = load_plan(layout.plan) if layout.plan.is_file() else {}
    for i in outcomes.done("anomalies"):
        plan = final.get(i, first[i])
        if image_counts({i: first[i]}) or image_counts({i: plan}):
            inputs = {"plan": plan_digest(plan), **outcomes.inputs(i, "shapes", "anomalies", "topup")}
            yield Unit(i, settings, inputs, partial(choose, plan, i))


def choose(plan: ShapePlan, shape_id: str, context: Context) -> Result:
    """Choose a shape's views by its final plan."""
    config, layout = context.config, context.layout
    shape = load_shape(layout.shape(shape_id))
    anomalies = load_anomalies(layout, shape_id, (a.name for a in plan.anomalies))
    wanted: list[Wanted] = [((), plan.normal_images)]
    wanted += [((anomalies[planned.name],), planned.images) for planned in plan.anomalies]
    wanted += [([anomalies[name] for name in several.names], several.images) for several in plan.several]
    selection = ViewSelector(shape, config.views, config.seed).select(wanted)
    if not selection.views:
        reasons = sum(selection.refused.values(), Counter())
        raise UnitRejected("no-view", f"shape {shape_id}: every camera was refused: {dict(reasons)}")
    save_views(layout.views, shape_id, selection, make_reference_views(shape, config.views, config.seed))
    rejects: Counter[str] = Counter()
    for refused in selection.refused.values():
        rejects.update({f"camera: {reason}": count for reason, count in refused.items()})
    return Result((layout.views / f"{shape_id}.npz", layout.views / f"{shape_id}.json"), dict(rejects))


def shown(views: Sequence[View]) -> list[str]:
    """Names of the anomalies that the views show."""
    return sorted({mark.anomaly for view in views for mark in view.marks})


STAGE = Stage(name="views", unit="shape", version=4, libraries=("numpy", "trimesh", "embreex"), units=units)

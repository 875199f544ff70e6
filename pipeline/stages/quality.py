"""quality: a verdict on every image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.errors import UnitRejected
from pipeline.files import write_json
from pipeline.quality.verdict import judge_query, judge_reference
from pipeline.rendering.storage import load_drawn
from pipeline.settings.flat import flatten
from pipeline.stages.context import Context
from pipeline.views.storage import load_views


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape that is drawn."""
    settings = flatten({"quality": context.config.quality})
    for i in outcomes.done("render"):
        yield Unit(i, settings, outcomes.inputs(i, "views", "render"), partial(judge, i))


def judge(shape_id: str, context: Context) -> Result:
    """Judge a shape's images. A blank reference view rejects the shape."""
    config, layout = context.config, context.layout
    views, reference = load_views(layout.views, shape_id)
    drawn = load_drawn(layout.render(shape_id))
    for number, image in enumerate(drawn.reference):
        for reason in judge_reference(image, reference.part_ids[number], config.quality):
            raise UnitRejected(reason, f"shape {shape_id}: reference view {number} is blank")
    intact = dict(zip(drawn.counterfactual_of.tolist(), drawn.counterfactual, strict=True))
    verdicts = {
        view.name: judge_query(drawn.query[i], intact.get(i), drawn.index[i], view, config.quality)
        for i, view in enumerate(views)
    }
    write_json(layout.quality(shape_id), {name: asdict(verdict) for name, verdict in verdicts.items()})
    rejects = Counter(reason for verdict in verdicts.values() for reason in verdict.reasons)
    return Result((layout.quality(shape_id),), dict(rejects))


STAGE = Stage(name="quality", unit="shape", version=4, libraries=("numpy", "scipy"), units=units)

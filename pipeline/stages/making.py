"""Making the anomalies of a plan, for the stages ``anomalies`` and ``topup``; reading what they made."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache, partial
from typing import Any

from pydantic import TypeAdapter

from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.kind import find_kind
from pipeline.anomalies.storage import load_anomaly, save_anomaly
from pipeline.anomalies.targets.candidates import find_candidates, order
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node
from pipeline.appearance import priors
from pipeline.config import Config
from pipeline.digests import file_digest
from pipeline.engine.stage import Outcomes
from pipeline.engine.unit import Result, Unit
from pipeline.errors import UnitRejected
from pipeline.files import write_json
from pipeline.format.labels import ANOMALY_TYPES
from pipeline.layout import Layout
from pipeline.planning.plan import PlannedAnomaly, ShapePlan, donor_shapes
from pipeline.planning.storage import plan_digest
from pipeline.planning.topup import Made
from pipeline.seeding import rng
from pipeline.settings.flat import flatten
from pipeline.shapes.storage import load_shape
from pipeline.stages.context import Context
from pipeline.stages.shapes import read_summary
from pipeline.typed_json import read_typed
from pipeline.views.select import ViewSelector, Wanted

#: The stages that make anomalies, in the order in which they do.
STAGES = ("anomalies", "topup")
_MADE = TypeAdapter(Made)


def making_units(
    stage: str, context: Context, outcomes: Outcomes, plans: Mapping[str, ShapePlan]
) -> Iterator[Unit[Context]]:
    """One a shape of ``plans``, by its own plan and the shapes that may give it parts."""
    settings = _Settings(context.config)
    for i, plan in plans.items():
        types = frozenset(anomaly.type for anomaly in plan.anomalies)
        inputs = {"plan": plan_digest(plan), **outcomes.inputs(i, "shapes")}
        if "other_material" in types:
            inputs["priors"] = file_digest(priors.BUILTIN)  # they tell which parts always wear the same
        inputs |= {f"donor {donor}": outcomes.digest("shapes", donor) for donor in donor_shapes(plan)}
        yield Unit(i, settings.of(types), inputs, partial(make, stage, plan, i))


class _Settings:
    """The settings that anomalies depend on, by the types that a shape gets: another type's leave it as it is."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[frozenset[str], dict[str, Any]] = {}

    def of(self, types: frozenset[str]) -> dict[str, Any]:
        if types not in self._known:
            config = self._config
            own = {k: v for k, v in config.anomalies.model_dump().items() if k not in ANOMALY_TYPES or k in types}
            # How many cameras show an anomaly is found here too, up to what the plan may ask for.
            most = {name: config.plan.types[name].images_per_shape[1] for name in sorted(types)}
            sections = {"seed": config.seed, "anomalies": own, "views": config.views, "most_images": most}
            self._known[types] = flatten({**sections, "most_normal_images": config.plan.normal.images_per_shape[1]})
        return self._known[types]


def make(stage: str, plan: ShapePlan, shape_id: str, context: Context) -> Result:
    """Make those that ``plan`` asks for, and find how many cameras show each."""
    config, layout = context.config, context.layout
    shape = load_shape(layout.shape(shape_id))
    folder = layout.anomalies(stage, shape_id)
    shutil.rmtree(folder, ignore_errors=True)  # another plan's anomalies, or half of this one's
    folder.mkdir(parents=True)
    made: list[Anomaly] = []
    rejects: Counter[str] = Counter()
    load = lru_cache(lambda i: load_shape(layout.shape(i)))  # draws go back to the same few donors
    for planned in plan.anomalies:
        targets = _targets(context, shape_id, planned)
        donors = Donors({i: read_summary(layout, i).nodes for i in planned.donors}, load)
        try:
            anomaly = make_anomaly(shape, planned.index, planned.type, targets, donors, config.anomalies, config.seed)
        except UnitRejected as rejection:
            rejects[f"{planned.type}: {rejection.reason}"] += 1
        else:
            save_anomaly(folder, anomaly)
            made.append(anomaly)
    # As many as the plan could ask for in the end, when other shapes fall short.
    limits: list[Wanted] = [((), config.plan.normal.images_per_shape[1])]
    limits += [((anomaly,), config.plan.types[anomaly.type].images_per_shape[1]) for anomaly in made]
    seen = ViewSelector(shape, config.views, config.seed).look(limits)
    rejects.update(f"{anomaly.type}: no view shows it" for anomaly in made if not seen[anomaly.name])
    outcome = Made(seen, {anomaly.name: anomaly.target for anomaly in made})
    write_json(layout.made(stage, shape_id), asdict(outcome))
    return Result((*sorted(folder.iterdir()), layout.made(stage, shape_id)), dict(rejects))


def _targets(context: Context, shape_id: str, planned: PlannedAnomaly) -> list[Node]:
    """The planned part, then the shape's others, in the order in which they are tried."""
    config = context.config
    candidates = find_candidates(
        read_summary(context.layout, shape_id).nodes, find_kind(planned.type).takes_groups, config.anomalies
    )
    first = next(node for node in candidates if node.part_ids == planned.target)
    return order(candidates, first, rng(config.seed, "anomalies", shape_id, planned.index, planned.type, "targets"))


def read_made(layout: Layout, stage: str, shape_id: str) -> Made:
    """What came of a shape's plan in the stage ``anomalies`` or ``topup``."""
    path = layout.made(stage, shape_id)
    return read_typed(path, _MADE, "result", f"remove it and run the stage {stage} again")


def load_anomalies(layout: Layout, shape_id: str, names: Iterable[str]) -> dict[str, Anomaly]:
    """By name, in the order of their indices."""
    anomalies = []
    for name in names:
        folders = (layout.anomalies(stage, shape_id) for stage in STAGES)
        folder = next(f for f in folders if (f / f"{name}.json").is_file())
        anomalies.append(load_anomaly(folder, name))
    return {a.name: a for a in sorted(anomalies, key=lambda a: a.index)}

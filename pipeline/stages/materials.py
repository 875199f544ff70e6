"""materials: what every part wears in every view, and what anomalies give it instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from pipeline.anomalies.anomaly import Anomaly
from pipeline.appearance import priors
from pipeline.appearance.assignment import assign_materials
from pipeline.appearance.cores import core_of
from pipeline.appearance.other import other_material
from pipeline.config import Config
from pipeline.digests import file_digest
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.errors import UnitRejected
from pipeline.files import write_json
from pipeline.rendering.job import OTHER_MATERIAL
from pipeline.seeding import rng
from pipeline.settings.flat import flatten
from pipeline.shapes.storage import load_shape
from pipeline.stages.context import Context
from pipeline.stages.making import load_anomalies
from pipeline.stages.palette import read_palette
from pipeline.stages.views import shown
from pipeline.views.storage import load_views


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape that has views."""
    config = context.config
    sections = {
        "seed": config.seed,
        "anomalies.surface": config.anomalies.surface,
        "materials.swapped_share": config.materials.swapped_share,
    }
    settings = flatten(sections)
    common = {**outcomes.inputs("palette", "palette"), "priors": file_digest(priors.BUILTIN)}
    for i in outcomes.done("views"):
        inputs = {**common, **outcomes.inputs(i, "shapes", "anomalies", "topup", "views")}
        yield Unit(i, settings, inputs, partial(choose, i))


def choose(shape_id: str, context: Context) -> Result:
    """Part -> material for every texture id that the shape's views use, and what anomalies give instead."""
    layout = context.layout
    shape = load_shape(layout.shape(shape_id))
    library = read_palette(layout)
    views, _ = load_views(layout.views, shape_id)
    anomalies = load_anomalies(layout, shape_id, shown(views))
    textures: dict[str, dict[int, str]] = {}
    overrides: dict[str, dict[str, dict[int, str]]] = {}
    rejects: Counter[str] = Counter()
    for view in views:
        worn = assign_materials(shape, view.texture, library, context.config.seed).materials
        textures[str(view.texture)] = dict(worn)
        for anomaly in (anomalies[mark.anomaly] for mark in view.marks):
            choice = _choice_of_other(context.config, shape_id, view.texture, anomaly)
            if choice is None:
                continue
            settings = context.config.anomalies.surface
            try:
                name = other_material(shape, anomaly.target, worn, library, choice, settings)
            except UnitRejected as rejection:
                # A swapped part then wears what it replaced; of another material the quality stage sees no change.
                rejects[rejection.reason] += 1
            else:
                given = dict.fromkeys(anomaly.target, name)
                overrides.setdefault(str(view.texture), {})[anomaly.name] = given
    worn_names = {name for parts in textures.values() for name in parts.values()}
    cores = {name: core for name in sorted(worn_names) if (core := core_of(name, library))}
    write_json(layout.materials(shape_id), {"textures": textures, "overrides": overrides, "cores": cores})
    return Result((layout.materials(shape_id),), dict(rejects))


def _choice_of_other(config: Config, shape_id: str, texture: int, anomaly: Anomaly) -> float | None:
    """What picks the other material that an anomaly gives its part, in [0, 1); None where it gives none."""
    if anomaly.surface and anomaly.surface.effect == OTHER_MATERIAL:
        return anomaly.surface.choice
    if anomaly.type == "swapped":
        draw = rng(config.seed, "appearance", shape_id, texture, "swapped", anomaly.name)
        if draw.random() < config.materials.swapped_share:
            return float(draw.random())
    return None


STAGE = Stage(name="materials", unit="shape", version=4, libraries=("numpy",), units=units)

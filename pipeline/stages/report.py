"""report: what the dataset holds, what was refused and lost on the way, and ``dataset.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version

from pipeline.appearance.stock import take_stock
from pipeline.digests import digest
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.files import read_json, write_json
from pipeline.format.contents import entries
from pipeline.report.notes import Loss, Notes, perceived
from pipeline.report.page import PER_TYPE, write_report
from pipeline.settings.flat import flatten
from pipeline.stages.content import content_settings
from pipeline.stages.context import Context

NAME = "report"
#: Version of ``dataset.json``.
DATASET_VERSION = 3
#: Distributions whose versions it tells.
TOLD = ("l3d-gen", "bpy", "numpy", "scipy", "trimesh", "pymeshlab", "manifold3d", "embreex", "h5py", "pillow")


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One, of all shards and all that was refused."""
    shards, judged = outcomes.done("shards"), outcomes.done("quality")
    rejects = {stage: dict(sorted(counts.items())) for stage, counts in _rejects(outcomes).items() if counts}
    left_out = [("library", str(item.where), item.reason) for item in take_stock(context.config.materials).left_out]
    lost = sorted([*_losses(outcomes), *left_out])
    inputs = {f"shard {name}": outcomes.digest("shards", name) for name in shards}
    inputs |= {f"verdicts {i}": outcomes.digest("quality", i) for i in judged}
    inputs["notes"] = digest(rejects, lost)
    settings = {**flatten(context.config), "preset": context.preset}
    yield Unit(NAME, settings, inputs, partial(write, shards, judged, Notes(rejects, tuple(lost))))


def _rejects(outcomes: Outcomes) -> dict[str, Counter[str]]:
    """Stage -> reason -> how many, of units and of what they hold."""
    counts: dict[str, Counter[str]] = {}
    for stage in outcomes.stages:
        counts[stage] = Counter()
        for outcome in outcomes.of(stage).values():
            counts[stage].update(outcome.rejects if outcome.there else {outcome.reason: 1})
    return counts


def _losses(outcomes: Outcomes) -> Iterator[Loss]:
    for stage in outcomes.stages:
        for unit, outcome in outcomes.of(stage).items():
            if not outcome.there:
                yield stage, unit, outcome.message


def write(shards: Sequence[str], judged: Sequence[str], notes: Notes, context: Context) -> Result:
    """Write report and ``dataset.json``. ``judged``: shapes that have verdicts."""
    layout, config = context.layout, context.config
    folder = layout.out / "report"
    verdicts = [verdict for i in sorted(judged) for verdict in read_json(layout.quality(i)).values()]
    paths = [layout.shard(name) for name in shards]
    dataset = {
        "format": "l3d-dataset",
        "version": DATASET_VERSION,
        "config": content_settings(config),
        "source": config.source,
        "preset": context.preset,
        "seed": config.seed,
        "versions": _versions(),
        "shards": entries(paths),
        "rejects": notes.rejects,
    }
    write_json(layout.dataset, dataset)  # the report tells of it
    write_report(folder, paths, replace(notes, perceived=perceived(verdicts)), PER_TYPE)
    return Result((folder / "index.html", folder / "statistics.json", folder / "DATASET_CARD.md", layout.dataset))


def _versions() -> Mapping[str, str]:
    return {name: version(name) for name in TOLD}


STAGE = Stage(
    name=NAME,
    unit="dataset",
    version=6,
    libraries=("pillow", "jinja2"),
    units=units,
    isolated=False,
)

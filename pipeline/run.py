"""A dataset folder being filled: the table of stages, run by the engine."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from pipeline.appearance.stock import take_stock
from pipeline.config import Config
from pipeline.engine.quarantine import Quarantine, SetAside
from pipeline.engine.run import Progress, Summary, execute
from pipeline.engine.survey import StageSurvey, survey
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError
from pipeline.files import is_held, lock, lock_shared, read_json, remove_leftovers, share, write_json
from pipeline.identity import claim_dataset, identify
from pipeline.layout import Layout
from pipeline.planning.plan import Plan
from pipeline.planning.topup import as_planned, final_plan
from pipeline.rendering.devices import CPU
from pipeline.stages import NAMES, STAGES, plan, shapes
from pipeline.stages.context import Context

#: Seconds over which the speed of a stage is told.
RECENT = 600.0
#: What a plan is made of; quick beside the others.
PLANNING = ("shapes", "plan")


@dataclass(frozen=True)
class Run:
    """A folder that is held for one run, until the block ends or this is forgotten."""

    context: Context
    effort: Effort
    progress: Progress
    held: IO[str]

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.held.close()

    def execute(self, wanted: Sequence[str] = NAMES) -> Summary:
        """Do the wanted stages over all units; earlier ones must be finished. Raises PipelineError."""
        out = self.context.layout.out
        alone = self.effort.partition is None  # or what is not finished may be another run's
        try:
            summary = execute(STAGES, wanted, self.context, out, self.effort, self.progress)
        except BaseException:
            if alone:
                remove_leftovers(out)
            raise
        if alone and summary.worked:
            remove_leftovers(out)  # of workers that were lost
        if "library" in NAMES[: 1 + max(map(NAMES.index, wanted))]:
            stock = take_stock(self.context.config.materials)
            summary.left_out[:0] = [("library", str(item.where), item.reason) for item in stock.left_out]
        return summary

    def plan(self) -> tuple[Plan, Summary]:
        """What is drawn if all can be had; and what reading the shapes gave, if they are not in the folder yet."""
        summary = self.execute(PLANNING)
        context = self.context
        first = plan.read_first_plan(context.layout).shapes
        return final_plan(plan.make_planner(context, list(first)), [first], as_planned(first)), summary

    def survey(self) -> list[StageSurvey]:
        """What ``execute`` would make, and why."""
        return survey(STAGES, self.context, self.context.layout.out, self.effort.retry)


def open_run(
    config: Config, out: Path, effort: Effort, progress: Progress, preset: str = "", overwrite: bool = False
) -> Run:
    """Check what can be checked before anything is done, and take hold of the folder for this dataset.

    ``preset``: what the settings began with. A run that is one of several partitions waits until another has opened the
    folder. Raises PipelineError for settings that cannot be met or that are unlike those of another partition, a folder
    that cannot be written, is held by another run, or is for another dataset (unless told to ``overwrite`` it).
    """
    context = Context(config, Layout(out.absolute()), effort.threads, () if effort.scheduler else (CPU,), preset)
    for stage in STAGES:
        stage.check(context)
    context = replace(context, layout=Layout(_writable(out)))
    held, alone = (lock(context.layout.out), True) if effort.partition is None else lock_shared(context.layout.out)
    ids = shapes.wanted_ids(shapes.find_source(context), config.only_shapes)
    claim_dataset(context.layout, identify(config, ids), overwrite)
    settings = {"preset": preset, "config": config.model_dump(mode="json")}
    if alone:
        remove_leftovers(context.layout.out)
        write_json(context.layout.config, settings)
    elif read_json(context.layout.config) != settings:
        raise PipelineError(
            f"another run is working on {context.layout.out} with other settings than these, and each would undo the "
            f"other's work: give both the same ({context.layout.config.name}), or choose another --out"
        )
    if effort.partition is not None:
        share(held)
    return Run(context, effort, progress, held)


@dataclass(frozen=True)
class Status:
    """How far a folder is. at_work: whether a run holds it now; set_aside: units that broke each time, and why."""

    at_work: bool
    stages: list[StageSurvey]
    set_aside: list[SetAside]
    rates: dict[str, float]

    def seconds_left(self, stage: StageSurvey) -> float | None:
        """By what was made of it lately; None where nothing was."""
        rate = self.rates.get(stage.stage)
        return stage.to_make / rate if rate else None


def status(out: Path) -> Status:
    """Look at a folder, which a run may be working on. Raises PipelineError where none has been."""
    context = stored_context(out)
    layout = context.layout
    surveys = survey(STAGES, context, layout.out)
    standing = {(stage.stage, unit) for stage in surveys for unit in stage.set_aside}
    aside = [entry for entry in Quarantine(layout.out).all() if (entry.stage, entry.unit) in standing]
    return Status(is_held(layout.out), surveys, aside, _rates(layout.timings))


def stored_context(out: Path) -> Context:
    """That of the last run on a folder. Raises PipelineError where none has been."""
    layout = Layout(out.resolve())
    if not layout.config.exists():
        raise PipelineError(f"{out} holds no run of l3d-gen of this version: it has no {layout.config.name}")
    stored = read_json(layout.config)
    try:
        return Context(Config.model_validate(stored["config"]), layout, 1, preset=stored["preset"])
    except (KeyError, TypeError, ValidationError) as error:
        raise PipelineError(f"{layout.config} is not of this version; run l3d-gen on {out} once more") from error


def _rates(timings: Path) -> dict[str, float]:
    """Units a second of each stage, over the last ones: what came of a stage within the last RECENT seconds of it."""
    times: dict[str, list[float]] = defaultdict(list)
    if timings.exists():
        for line in timings.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # half a line of a run that was killed
                entry = json.loads(line)
                times[entry["stage"]].append(float(entry["at"]))
    rates = {}
    for stage, moments in times.items():
        since = max(moments) - RECENT
        recent = sorted(moment for moment in moments if moment > since)
        if len(recent) > 1 and recent[-1] > recent[0]:
            rates[stage] = (len(recent) - 1) / (recent[-1] - recent[0])
    return rates


def _writable(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PipelineError(f"output folder {out} cannot be written: {error.strerror}; choose another --out") from error
    return out.resolve()

"""A dataset folder being filled: the table of stages, run by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pipeline.appearance.stock import take_stock
from pipeline.config import Config
from pipeline.engine.run import Progress, StageSurvey, Summary, execute, survey
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError
from pipeline.files import lock, lock_shared, remove_leftovers, share
from pipeline.identity import claim_dataset, identify
from pipeline.layout import Layout
from pipeline.planning.plan import Plan
from pipeline.planning.topup import as_planned, final_plan
from pipeline.rendering.devices import CPU
from pipeline.stages import NAMES, STAGES, plan, shapes
from pipeline.stages.context import Context

#: What a plan is made of; quick beside the others.
PLANNING = ("shapes", "plan")


@dataclass(frozen=True)
class Run:
    """A folder that is held for one run, until this is forgotten."""

    context: Context
    effort: Effort
    progress: Progress
    held: IO[str]

    def execute(self, wanted: Sequence[str] = NAMES) -> Summary:
        """Do the wanted stages over all units; earlier ones must be finished. Raises PipelineError."""
        out = self.context.layout.out
        try:
            summary = execute(STAGES, wanted, self.context, out, self.effort, self.progress)
        except BaseException:
            if self.effort.partition is None:  # or they may be another run's
                remove_leftovers(out)
            raise
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
        return survey(STAGES, self.context, self.context.layout.out)


def open_run(
    config: Config, out: Path, effort: Effort, progress: Progress, preset: str = "", overwrite: bool = False
) -> Run:
    """Check what can be checked before anything is done, and take hold of the folder for this dataset.

    ``preset``: what the settings began with. A run that is one of several partitions waits until another has opened the
    folder. Raises PipelineError for settings that cannot be met, a folder that cannot
    be written, is held by another run, or is for another dataset (unless told to ``overwrite`` it).
    """
    context = Context(config, Layout(out.absolute()), effort.threads, (CPU,), preset)
    for stage in STAGES:
        stage.check(context)
    context = replace(context, layout=Layout(_writable(out)))
    held, alone = (lock(context.layout.out), True) if effort.partition is None else lock_shared(context.layout.out)
    ids = shapes.wanted_ids(shapes.find_source(context), config.only_shapes)
    claim_dataset(context.layout, identify(config, ids), overwrite)
    if alone:
        remove_leftovers(context.layout.out)
    if effort.partition is not None:
        share(held)
    return Run(context, effort, progress, held)


def _writable(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PipelineError(f"output folder {out} cannot be written: {error.strerror}; choose another --out") from error
    return out.resolve()

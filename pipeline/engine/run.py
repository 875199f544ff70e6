"""Stages in order: done, or only looked at."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pipeline.engine.executor import Task, run_tasks
from pipeline.engine.records import Finding, Record, Records
from pipeline.engine.stage import PENDING, Outcome, Outcomes, Stage
from pipeline.engine.unit import Basis, ContextT
from pipeline.errors import PipelineError

log = logging.getLogger(__name__)

#: Called with stage, finished units and all units after every unit that was worked on.
Progress = Callable[[str, int, int], None]
#: What is told of damaged records in single lines; the others are counted.
TOLD = 3


@dataclass
class StageSummary:
    """What a stage did: units in all, worked on now, and the refusals it counted (reason -> count)."""

    stage: str
    units: int = 0
    worked: int = 0
    seconds: float = 0.0
    rejects: Counter[str] = field(default_factory=Counter)


@dataclass
class Summary:
    """What a run did.

    stages: in order; lost: (stage, unit, message) of every unit that gave nothing; left_out: the same of stages that
    are optional, by which nothing is lost.
    """

    stages: list[StageSummary] = field(default_factory=list)
    lost: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def worked(self) -> int:
        return sum(stage.worked for stage in self.stages)


@dataclass(frozen=True)
class StageSurvey:
    """What a stage would do: units in all, units to be made, and why (reason -> units)."""

    stage: str
    unit: str
    units: int
    to_make: int
    reasons: Counter[str]


def execute(
    stages: Sequence[Stage[ContextT]],
    wanted: Collection[str],
    context: ContextT,
    folder: Path,
    jobs: int,
    progress: Progress,
) -> Summary:
    """Do the wanted stages (by name) and what they need; earlier ones must be finished.

    Raises PipelineError where an earlier stage is not, where nothing is left to go on with, or where a stage that needs
    all of its units lost one that may succeed next time.
    """
    summary, outcomes, records = Summary(), Outcomes(), Records(folder)
    for stage in _up_to_last(stages, wanted):
        own = StageSummary(stage.name)
        summary.stages.append(own)
        start = time.perf_counter()
        tasks, findings = _look(records, stage, context, outcomes)
        own.units = len(tasks)
        waiting = [task for task in tasks.values() if findings[task.unit.name].record is None]
        if waiting and stage.name not in wanted and not stage.implied:
            raise PipelineError(
                f"stage {stage.name} is not finished for {len(waiting)} of {len(tasks)} units (first: "
                f"{waiting[0].unit.name}); add --stage {stage.name}, or leave --stage out to run all"
            )
        made = {name: finding.record for name, finding in findings.items() if finding.record is not None}
        _tell_damage(stage.name, findings)
        equipped, processes = stage.equip(context, jobs, len(waiting)) if waiting else (context, jobs)
        for task, record in run_tasks(folder, equipped, waiting, processes) if waiting else ():
            made[task.unit.name] = record
            own.worked += 1
            progress(stage.name, len(tasks) - len(waiting) + own.worked, len(tasks))
        for name in tasks:
            record = made[name]
            outcomes.note(stage.name, name, _outcome(record))
            _count(summary, own, stage, name, record)
        if stage.name in wanted:
            stage.finish(context, outcomes)
        own.seconds = time.perf_counter() - start
        if stage.needs_all and (failed := sum(record.status == "failed" for record in made.values())):
            raise PipelineError(
                f"{failed} units of stage {stage.name} failed, not for their own fault; run again. {_losses(summary)}"
            )
        if tasks and not outcomes.done(stage.name):
            raise PipelineError(f"no {stage.unit} is left after stage {stage.name}: {_losses(summary)}")
    return summary


def survey(stages: Sequence[Stage[ContextT]], context: ContextT, folder: Path) -> list[StageSurvey]:
    """What ``execute`` would do, as far as that can be said before it is done; nothing is written.

    A unit whose input is to be made counts as to be made itself, although its input may come out as it was. Which units
    a stage has may depend on what is to be made before it: it then lists those of the last time.
    """
    outcomes, records = Outcomes(), Records(folder)
    surveys = []
    for stage in stages:
        tasks, findings = _look(records, stage, context, outcomes)
        reasons: Counter[str] = Counter()
        for name, task in tasks.items():
            finding = findings[name]
            pending = sorted({_kind(i) for i, value in task.basis.inputs.items() if value == PENDING})
            if finding.record is None:
                outcomes.note(stage.name, name, Outcome("pending", PENDING))
                own = [reason for reason in finding.reasons if not reason.startswith("input ")]
                changed = {_kind(r.split()[1]) for r in finding.reasons if r.startswith("input ")} - set(pending)
                reasons.update(own)
                reasons.update(f"input {kind} changed" for kind in sorted(changed))
                if finding.reasons != ("new",):
                    reasons.update(f"input {kind} to be made" for kind in pending)
            else:
                outcomes.note(stage.name, name, _outcome(finding.record))
        to_make = sum(finding.record is None for finding in findings.values())
        surveys.append(StageSurvey(stage.name, stage.unit, len(tasks), to_make, reasons))
    return surveys


def _kind(name: str) -> str:
    """The kind of an input: of ``donor 1234`` and ``donor 5678`` the same."""
    return name.split()[0]


def _up_to_last(stages: Sequence[Stage[ContextT]], wanted: Collection[str]) -> Sequence[Stage[ContextT]]:
    last = max(number for number, stage in enumerate(stages) if stage.name in wanted)
    return stages[: last + 1]


def _look(
    records: Records, stage: Stage[ContextT], context: ContextT, outcomes: Outcomes
) -> tuple[dict[str, Task], dict[str, Finding]]:
    """The stage's units as tasks, in order, and what is found of each."""
    libraries = {name: _version(name) for name in stage.libraries}
    tasks: dict[str, Task] = {}
    findings: dict[str, Finding] = {}
    for unit in stage.units(context, outcomes):
        basis = Basis(stage.version, libraries, unit.settings, unit.inputs)
        tasks[unit.name] = Task(stage.name, unit, basis)
        findings[unit.name] = records.find(stage.name, unit.name, basis)
    return tasks, findings


@cache
def _version(distribution: str) -> str:
    return version(distribution)


def _outcome(record: Record) -> Outcome:
    return Outcome(record.status, record.digest, record.rejects, record.reason, record.message)


def _count(summary: Summary, own: StageSummary, stage: Stage[ContextT], unit: str, record: Record) -> None:
    if record.status == "done":
        own.rejects.update(record.rejects)
        return
    own.rejects[record.reason] += 1
    spared = stage.optional and record.status == "rejected"
    (summary.left_out if spared else summary.lost).append((stage.name, unit, record.message))


def _tell_damage(stage: str, findings: dict[str, Finding]) -> None:
    damaged = [finding.damage for finding in findings.values() if finding.damage]
    for damage in damaged[:TOLD]:
        log.warning("%s; its unit is made again", damage)
    if len(damaged) > TOLD:
        log.warning("%s: %d more such records", stage, len(damaged) - TOLD)


def _losses(summary: Summary) -> str:
    lines = [f"{unit}: {message}" for _, unit, message in [*summary.lost, *summary.left_out][:3]]
    return "; ".join(lines) or "nothing was accepted"

"""Stages in order: done, or only looked at."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
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
        names, made, to_make = _look(records, stage, context, outcomes)
        own.units = len(names)
        waiting = [unmade.task for unmade in to_make.values()]
        if waiting and stage.name not in wanted and not stage.implied:
            raise PipelineError(
                f"stage {stage.name} is not finished for {len(waiting)} of {len(names)} units (first: "
                f"{waiting[0].unit.name}); add --stage {stage.name}, or leave --stage out to run all"
            )
        _tell_damage(stage.name, to_make.values())
        equipped, processes = stage.equip(context, jobs, len(waiting)) if waiting else (context, jobs)
        for task, record in run_tasks(folder, equipped, waiting, processes) if waiting else ():
            made[task.unit.name] = _outcome(record)
            own.worked += 1
            progress(stage.name, len(names) - len(waiting) + own.worked, len(names))
        for name in names:
            outcomes.note(stage.name, name, made[name])
            _count(summary, own, stage, name, made[name])
        if stage.name in wanted:
            stage.finish(context, outcomes)
        own.seconds = time.perf_counter() - start
        if stage.needs_all and (failed := sum(outcome.status == "failed" for outcome in made.values())):
            raise PipelineError(
                f"{failed} units of stage {stage.name} failed, not for their own fault; run again. {_losses(summary)}"
            )
        if names and not outcomes.done(stage.name):
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
        names, standing, to_make = _look(records, stage, context, outcomes)
        reasons: Counter[str] = Counter()
        for unmade in to_make.values():
            reasons.update(unmade.reasons())
        for name in names:
            outcomes.note(stage.name, name, standing.get(name, Outcome("pending", PENDING)))
        surveys.append(StageSurvey(stage.name, stage.unit, len(names), len(to_make), reasons))
    return surveys


@dataclass(frozen=True)
class _Unmade:
    """A unit that is to be made, and why."""

    task: Task
    finding: Finding

    def reasons(self) -> list[str]:
        """The kinds of reasons, one each; of inputs to be made themselves, too."""
        pending = sorted({_kind(name) for name, value in self.task.basis.inputs.items() if value == PENDING})
        found = self.finding.reasons
        changed = {_kind(reason.split()[1]) for reason in found if reason.startswith("input ")} - set(pending)
        return [
            *(reason for reason in found if not reason.startswith("input ")),
            *(f"input {kind} changed" for kind in sorted(changed)),
            *(f"input {kind} to be made" for kind in pending if found != ("new",)),
        ]


def _kind(name: str) -> str:
    """The kind of an input: of ``donor 1234`` and ``donor 5678`` the same."""
    return name.split()[0]


def _up_to_last(stages: Sequence[Stage[ContextT]], wanted: Collection[str]) -> Sequence[Stage[ContextT]]:
    last = max(number for number, stage in enumerate(stages) if stage.name in wanted)
    return stages[: last + 1]


def _look(
    records: Records, stage: Stage[ContextT], context: ContextT, outcomes: Outcomes
) -> tuple[list[str], dict[str, Outcome], dict[str, _Unmade]]:
    """The stage's units in order; what came of those whose records stand; the others."""
    libraries = {name: _version(name) for name in stage.libraries}
    names: list[str] = []
    standing: dict[str, Outcome] = {}
    to_make: dict[str, _Unmade] = {}
    for unit in stage.units(context, outcomes):
        basis = Basis(stage.version, libraries, unit.settings, unit.inputs)
        finding = records.find(stage.name, unit.name, basis)
        names.append(unit.name)
        if finding.record is None:
            to_make[unit.name] = _Unmade(Task(stage.name, unit, basis), finding)
        else:
            standing[unit.name] = _outcome(finding.record)
    return names, standing, to_make


@cache
def _version(distribution: str) -> str:
    return version(distribution)


def _outcome(record: Record) -> Outcome:
    return Outcome(record.status, record.digest, record.rejects, record.reason, record.message)


def _count(summary: Summary, own: StageSummary, stage: Stage[ContextT], unit: str, outcome: Outcome) -> None:
    if outcome.status == "done":
        own.rejects.update(outcome.rejects)
        return
    own.rejects[outcome.reason] += 1
    spared = stage.optional and outcome.status == "rejected"
    (summary.left_out if spared else summary.lost).append((stage.name, unit, outcome.message))


def _tell_damage(stage: str, to_make: Iterable[_Unmade]) -> None:
    damaged = [unmade.finding.damage for unmade in to_make if unmade.finding.damage]
    for damage in damaged[:TOLD]:
        log.warning("%s; its unit is made again", damage)
    if len(damaged) > TOLD:
        log.warning("%s: %d more such records", stage, len(damaged) - TOLD)


def _losses(summary: Summary) -> str:
    lines = [f"{unit}: {message}" for _, unit, message in [*summary.lost, *summary.left_out][:3]]
    return "; ".join(lines) or "nothing was accepted"

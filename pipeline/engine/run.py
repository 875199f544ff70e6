"""Stages in order: done, or only looked at."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from pipeline.engine.executor import Task, run_tasks
from pipeline.engine.looking import Unmade, as_outcome, look
from pipeline.engine.quarantine import Quarantine
from pipeline.engine.records import Record, Records
from pipeline.engine.sharing import Holding, Partition, bucket
from pipeline.engine.stage import Outcome, Outcomes, Stage
from pipeline.engine.unit import ContextT
from pipeline.engine.workers import Effort, ThisProcess, Workers
from pipeline.errors import PipelineError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """How far a stage is: sizes of its units, in what it counts; ``failed``: units, set aside ones among them."""

    stage: str
    counted: str
    finished: int
    total: int
    failed: int


#: Called when a stage begins that has something to do, and after every unit of it; not where a stage is one quick unit.
Progress = Callable[[Step], None]
#: What is told of damaged records in single lines; the others are counted.
TOLD = 3


@dataclass
class StageSummary:
    """What a stage did: units in all, worked on now, and the refusals it counted (reason -> count).

    size: of what was worked on, in what the stage counts (``counted``); failed: units that broke each time they were
    tried, now or before.
    """

    stage: str
    counted: str = "shapes"
    units: int = 0
    worked: int = 0
    size: int = 0
    failed: int = 0
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


def execute(
    stages: Sequence[Stage[ContextT]],
    wanted: Collection[str],
    context: ContextT,
    folder: Path,
    effort: Effort,
    progress: Progress,
) -> Summary:
    """Do the wanted stages (by name) and what they need; earlier ones must be finished.

    Whatever ends it, an interrupt among others, no process goes on working.

    Raises PipelineError where an earlier stage is not, where nothing is left to go on with, or where a stage that needs
    all of its units lost one that may succeed next time. StorageError where the folder cannot be written.
    """
    summary, outcomes = Summary(), Outcomes()
    workers = effort.workers(folder)
    try:
        for stage in _up_to_last(stages, wanted):
            turn = _Turn(stage, context, folder, outcomes, effort)
            summary.stages.append(turn.summary)
            if turn.unmade and stage.name not in wanted and not stage.implied:
                raise PipelineError(
                    f"stage {stage.name} is not finished for {len(turn.unmade)} of {len(turn.units)} units (first: "
                    f"{next(iter(turn.unmade))}); add --stage {stage.name}, or leave --stage out to run all"
                )
            turn.work(workers, progress)
            turn.close(summary, outcomes)
            if stage.name in wanted:
                stage.finish(context, outcomes)
            _check(stage, turn, summary, outcomes)
    finally:
        workers.close()
    return summary


class _Turn(Generic[ContextT]):
    """One stage's turn: its units, what came of each, and those that are to be made yet."""

    def __init__(
        self, stage: Stage[ContextT], context: ContextT, folder: Path, outcomes: Outcomes, effort: Effort
    ) -> None:
        self._start = time.perf_counter()
        self._stage, self._context, self._folder, self._effort = stage, context, folder, effort
        looked = look(stage, context, folder, outcomes, effort.retry)
        self.units, self._made, self.unmade = looked.units, looked.standing, looked.unmade
        self.summary = StageSummary(stage.name, stage.counted, len(self.units))
        self._sizes = {unit.name: unit.size for unit in self.units}
        self._finished = sum(self._sizes[name] for name in self._made)
        self._total = sum(self._sizes.values())
        self._failed = sum(outcome.status == "failed" for outcome in self._made.values())
        _tell_damage(stage.name, self.unmade.values())

    def work(self, workers: Workers, progress: Progress) -> None:
        """Make what is unmade, or see another run make it."""
        if not self.unmade:
            return
        stage, effort = self._stage, self._effort
        tell = progress if stage.isolated else lambda _: None
        tell(self._step())
        context, at_once = self._context, workers.width
        if at_once is None:
            context, at_once = stage.equip(context, max(1, effort.jobs), len(self.unmade))
        with Holding(self._folder, stage.name) as holding:
            tasks = self._shared(effort.partition, holding) if effort.partition else self._own()
            by = workers if stage.isolated else ThisProcess()
            for task, record in run_tasks(self._folder, context, tasks, by, at_once if stage.isolated else 1):
                self._note(task.unit.name, record)
                self.summary.worked += 1
                self.summary.size += task.unit.size
                tell(self._step())
            if effort.partition and self._finished == self._total:
                tell(self._step())  # it may be others' work

    def close(self, summary: Summary, outcomes: Outcomes) -> None:
        """Tell the stages to come, and the run's summary, what came of the units."""
        for unit in self.units:
            outcome = self._made[unit.name]
            outcomes.note(self._stage.name, unit.name, outcome)
            _count(summary, self.summary, self._stage, unit.name, outcome)
        self.summary.failed = self._failed
        self.summary.seconds = time.perf_counter() - self._start

    @property
    def failed(self) -> int:
        """Units that broke every time they were tried."""
        return self._failed

    def _note(self, name: str, record: Record) -> None:
        self._made[name] = as_outcome(record)
        self._finished += self._sizes[name]
        self._failed += record.status == "failed"

    def _own(self) -> Iterator[Task]:
        """All that are unmade, for a run that has the folder for itself."""
        for unmade in self.unmade.values():
            yield unmade.task

    def _shared(self, partition: Partition, holding: Holding) -> Iterator[Task | None]:
        """Those that no other run has made meanwhile or is at; None where that is to be waited for."""
        buckets: dict[int, list[str]] = defaultdict(list)
        for name in self.unmade:
            buckets[bucket(name)].append(name)
        left = [number for number in partition.order() if number in buckets]
        begun = 0
        while left:
            taken = next((number for number in left if holding.take(number)), None)
            if taken is None:
                if self.summary.worked == begun:
                    holding.let_go()  # or two runs would wait for each other
                yield None
                continue
            left.remove(taken)
            for name in buckets[taken]:
                task = self.unmade[name].task
                record = Records(self._folder).find(task.stage, name, task.basis).record
                if record is None and not self._effort.retry:
                    record = Quarantine(self._folder).find(task.stage, name, task.basis)
                if record is None:
                    begun += 1
                    yield task
                else:
                    self._note(name, record)

    def _step(self) -> Step:
        return Step(self._stage.name, self._stage.counted, self._finished, self._total, self._failed)


def _check(stage: Stage[ContextT], turn: _Turn[ContextT], summary: Summary, outcomes: Outcomes) -> None:
    """Raise PipelineError where the stages to come have nothing, or not all, to go on with."""
    if stage.needs_all and (failed := turn.failed):
        raise PipelineError(
            f"{failed} units of stage {stage.name} failed, not for their own fault; run again with --retry-failed. "
            f"{_losses(summary)}"
        )
    if turn.units and not outcomes.done(stage.name):
        raise PipelineError(f"no {stage.unit} is left after stage {stage.name}: {_losses(summary)}")


def _up_to_last(stages: Sequence[Stage[ContextT]], wanted: Collection[str]) -> Sequence[Stage[ContextT]]:
    last = max(number for number, stage in enumerate(stages) if stage.name in wanted)
    return stages[: last + 1]


def _count(summary: Summary, own: StageSummary, stage: Stage[ContextT], unit: str, outcome: Outcome) -> None:
    if outcome.status == "done":
        own.rejects.update(outcome.rejects)
        return
    own.rejects[outcome.reason] += 1
    spared = stage.optional and outcome.status == "rejected"
    (summary.left_out if spared else summary.lost).append((stage.name, unit, outcome.message))


def _tell_damage(stage: str, to_make: Iterable[Unmade]) -> None:
    damaged = [unmade.finding.damage for unmade in to_make if unmade.finding.damage]
    for damage in damaged[:TOLD]:
        log.warning("%s; its unit is made again", damage)
    if len(damaged) > TOLD:
        log.warning("%s: %d more such records", stage, len(damaged) - TOLD)


def _losses(summary: Summary) -> str:
    lines = [f"{unit}: {message}" for _, unit, message in [*summary.lost, *summary.left_out][:3]]
    return "; ".join(lines) or "nothing was accepted"

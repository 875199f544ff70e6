"""Working on units, in any number of processes, a bad unit costing only itself.

A unit counts as finished when its record is on disk, which is written after its outputs.
"""

from __future__ import annotations

import json
import logging
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from pipeline.digests import digest, file_digest
from pipeline.engine.records import Record, Records
from pipeline.engine.unit import Basis, Unit
from pipeline.errors import PipelineError, UnitRejected
from pipeline.files import explaining_full_disk

log = logging.getLogger(__name__)

#: Attempts at a unit that breaks (Blender killed, disk full for a moment) before it counts as failed.
TRIES = 2


@dataclass(frozen=True)
class Task:
    """A unit of a stage that is to be made now, with the basis that its record will have."""

    stage: str
    unit: Unit[Any]
    basis: Basis


def run_tasks(folder: Path, context: Any, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Record]]:
    """Do the tasks, ``jobs`` at once, and yield each with what became of it, in the order in which they end."""
    if jobs == 1 or len(tasks) == 1:
        outcomes: Iterator[tuple[int, Record, float]] = (_run(folder, context, i, t) for i, t in enumerate(tasks))
    else:
        outcomes = _parallel(folder, context, tasks, jobs)
    for index, record, seconds in outcomes:
        _note_time(folder, tasks[index], record, seconds)
        yield tasks[index], record


def _note_time(folder: Path, task: Task, record: Record, seconds: float) -> None:
    entry = {"stage": task.stage, "unit": task.unit.name, "status": record.status, "seconds": round(seconds, 3)}
    path = folder / "timings.jsonl"
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
    except OSError as error:  # nothing depends on it
        log.warning("%s cannot be written: %s", path, error.strerror)


def _parallel(folder: Path, context: Any, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[int, Record, float]]:
    """Tasks in worker processes. A worker that dies (segmentation fault, out of memory) takes its pool with
    it, so the tasks left over then run one at a time; one that kills its worker again has failed."""
    waiting = dict(enumerate(tasks))
    parent = os.getpid()
    try:
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        for outcome in pool(delayed(_run)(folder, context, i, task, parent) for i, task in waiting.copy().items()):
            del waiting[outcome[0]]
            yield outcome
    except TerminatedWorkerError:
        log.warning("a worker died; its stage goes on one unit at a time")
    for i, task in waiting.items():
        try:
            yield from Parallel(n_jobs=2)([delayed(_run)(folder, context, i, task, parent)])
        except TerminatedWorkerError as error:
            yield i, Record(task.basis, "failed", reason="worker-died", message=f"its process died: {error}"), 0.0


def _run(folder: Path, context: Any, index: int, task: Task, parent: int | None = None) -> tuple[int, Record, float]:
    """Do one task and record it; in a worker, ``parent`` is the run that wants it."""
    if parent is not None and os.getppid() != parent:
        os._exit(1)  # the run was killed: its successor must not find two hands in one folder
    start = time.perf_counter()
    Records(folder).remove(task.stage, task.unit.name)  # it would vouch for files about to change
    return index, _attempt(folder, context, task), time.perf_counter() - start


def _attempt(folder: Path, context: Any, task: Task) -> Record:
    """Do the task and store its record, unless it fails."""
    for attempt in range(1, TRIES + 1):
        try:
            with explaining_full_disk(folder):
                record = _outcome(folder, context, task)
            Records(folder).write(task.stage, task.unit.name, record)
        except Exception as error:  # noqa: BLE001 - whatever breaks in one unit must not end the run
            message = str(error) if isinstance(error, PipelineError) else traceback.format_exc()
            name = f"{task.stage} {task.unit.name}"
            log.warning("%s: attempt %d of %d failed: %s", name, attempt, TRIES, message)
            failure = Record(task.basis, "failed", reason=type(error).__name__, message=message)
        else:
            return record
    return failure


def _outcome(folder: Path, context: Any, task: Task) -> Record:
    try:
        result = task.unit.work(context)
    except UnitRejected as rejection:
        made = digest("rejected", rejection.reason, rejection.message)
        return Record(task.basis, "rejected", made, rejection.reason, rejection.message)
    paths = {str(path.relative_to(folder)): path for path in sorted(result.outputs)}
    made = digest({name: file_digest(path) for name, path in paths.items()})
    sizes = {name: path.stat().st_size for name, path in paths.items()}
    return Record(task.basis, "done", made, outputs=sizes, rejects=result.rejects)

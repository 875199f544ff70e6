"""Working on units, several at once, a bad unit costing only itself.

A unit counts as finished when its record is on disk, which is written after its outputs. One that breaks is tried once
more, and then set aside (``quarantine.py``).
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pipeline.digests import digest, file_digest
from pipeline.engine.quarantine import Quarantine, Try
from pipeline.engine.records import Record, Records
from pipeline.engine.unit import Basis, Unit
from pipeline.engine.workers import Workers, WorkLostError
from pipeline.errors import PipelineError, StorageError, UnitRejected
from pipeline.files import explaining_storage

log = logging.getLogger(__name__)

#: Attempts at a unit that breaks (Blender killed, a driver that hung) before it is set aside.
TRIES = 2
#: Between looks at what other runs on the folder are at.
WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Task:
    """A unit of a stage that is to be made now, with the basis that its record will have."""

    stage: str
    unit: Unit[Any]
    basis: Basis

    def __str__(self) -> str:
        return f"{self.stage} {self.unit.name}"


def run_tasks(
    folder: Path, context: Any, tasks: Iterator[Task | None], workers: Workers, at_once: int
) -> Iterator[tuple[Task, Record]]:
    """Do the tasks and yield each with what became of it, in the order in which they end.

    tasks: asked for when there is room; None where there may be one later. at_once: how many, where the workers do not
    say.

    Raises StorageError where the disk does not take what is made: that is no unit's fault.
    """
    busy: dict[int, Task] = {}
    again: deque[Task] = deque()
    tries: dict[str, list[Try]] = defaultdict(list)
    numbers, exhausted = count(), object()
    while True:
        task: Any = None
        while len(busy) < (workers.width or at_once):
            task = next(tasks, exhausted)
            if again and (task is None or task is exhausted):
                task = again.popleft()
            if task is None or task is exhausted:
                break
            key = next(numbers)
            busy[key] = task
            workers.start(key, attempt, folder, context, task)
        if not busy:
            if task is exhausted:
                return
            time.sleep(WAIT_SECONDS)
            continue
        for key, ended in workers.ended():
            done, found = busy.pop(key), _as_try(ended)
            if isinstance(found, Record):
                log.debug("%s: %s", done, found.status)
                yield done, found
                continue
            name = done.unit.name
            tries[name].append(found)
            log.warning("%s: attempt %d of %d failed: %s", done, len(tries[name]), TRIES, found.message)
            if len(tries[name]) < TRIES:
                again.append(done)
            else:
                _note_time(folder, done, "failed", found.seconds)
                yield done, Quarantine(folder).add(done.stage, name, done.basis, tries[name])


def _as_try(ended: Any) -> Record | Try:
    """What came of a task: its record, or a try that failed. Raises what ended the work for another reason."""
    if isinstance(ended, WorkLostError):
        return Try(ended.reason, str(ended))
    if isinstance(ended, BaseException):
        raise ended
    result: Record | Try = ended
    return result


def attempt(folder: Path, context: Any, task: Task) -> Record | Try:
    """Do one task and store its record. Raises StorageError."""
    start = time.perf_counter()
    Records(folder).remove(task.stage, task.unit.name)  # it would vouch for files about to change
    try:
        with explaining_storage(folder):
            record = _outcome(folder, context, task)
        Records(folder).write(task.stage, task.unit.name, record)
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever breaks in one unit must not end the run
        message = str(error) if isinstance(error, PipelineError) else traceback.format_exc()
        return Try(type(error).__name__, message, round(time.perf_counter() - start, 3))
    Quarantine(folder).remove(task.stage, task.unit.name)
    _note_time(folder, task, record.status, time.perf_counter() - start)
    return record


def _note_time(folder: Path, task: Task, status: str, seconds: float) -> None:
    """One short line at once, so that those of several processes do not mix."""
    at = round(time.time(), 1)
    entry = {"stage": task.stage, "unit": task.unit.name, "status": status, "seconds": round(seconds, 3), "at": at}
    path = folder / "timings.jsonl"
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
    except OSError as error:  # nothing depends on it
        log.warning("%s cannot be written: %s", path, error.strerror)


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

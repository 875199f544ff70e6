"""Running the units of a stage: in any number of processes, resumable, a bad unit costing only itself.

A unit is finished when its record is on disk with the fingerprint of everything that it depends on
and its outputs are there in full. Records hold nothing that differs between two runs of the same work.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from pipeline.errors import PipelineError, UnitRejected
from pipeline.files import explaining_full_disk, read_json, write_json
from pipeline.layout import Layout

log = logging.getLogger(__name__)

#: Attempts at a unit that breaks (Blender killed, disk full for a moment) before it counts as failed.
TRIES = 2

Status = Literal["done", "rejected", "failed"]


@dataclass(frozen=True)
class Result:
    """What a unit's work returns: output files (under the dataset folder), and counted refusals.

    rejects: reason -> how many items of this unit (anomalies, views, images) were refused for it.
    """

    outputs: tuple[Path, ...]
    rejects: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """One piece of work: ``work()`` does it; ``fingerprint`` says what it depends on."""

    stage: str
    name: str
    fingerprint: str
    work: Callable[[], Result]


@dataclass(frozen=True)
class Record:
    """What became of a unit. ``failed`` is never stored: a failed unit is tried again by the next run."""

    fingerprint: str
    status: Status
    reason: str = ""
    message: str = ""
    outputs: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)


def fingerprint(*things: Any) -> str:
    """Hex digest of JSON-serialisable things."""
    return hashlib.sha256(json.dumps(things, sort_keys=True, allow_nan=False).encode()).hexdigest()[:32]


def finished(layout: Layout, unit: Unit) -> Record | None:
    """The unit's record if it is finished: same fingerprint, every output there in its full size."""
    path = layout.record(unit.stage, unit.name)
    if not path.is_file():
        return None
    try:
        record = Record(**read_json(path))
    except (PipelineError, TypeError):
        return None  # not one of ours, or of another version: do the work again
    sizes_match = all(_size(layout.out / name) == size for name, size in record.outputs.items())
    return record if record.fingerprint == unit.fingerprint and sizes_match else None


def run_units(layout: Layout, units: Sequence[Unit], jobs: int) -> Iterator[tuple[Unit, Record, bool]]:
    """Yield every unit with its record and whether it was worked on now, finished ones first."""
    waiting = []
    for unit in units:
        record = finished(layout, unit)
        if record is None:
            waiting.append(unit)
        else:
            yield unit, record, False
    if not waiting:
        return
    if jobs == 1 or len(waiting) == 1:
        outcomes: Iterator[tuple[int, Record, float]] = (_run(layout, i, u) for i, u in enumerate(waiting))
    else:
        outcomes = _parallel(layout, waiting, jobs)
    for index, record, seconds in outcomes:
        unit = waiting[index]
        _note_time(layout, unit, record, seconds)
        yield unit, record, True


def _note_time(layout: Layout, unit: Unit, record: Record, seconds: float) -> None:
    entry = {"stage": unit.stage, "unit": unit.name, "status": record.status, "seconds": round(seconds, 3)}
    try:
        with layout.timings.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
    except OSError as error:  # nothing depends on it
        log.warning("%s cannot be written: %s", layout.timings, error.strerror)


def _parallel(layout: Layout, units: Sequence[Unit], jobs: int) -> Iterator[tuple[int, Record, float]]:
    """Units in worker processes. A worker that dies (segmentation fault, out of memory) takes its pool with
    it, so the units left over then run one at a time; one that kills its worker again has failed."""
    waiting = dict(enumerate(units))
    parent = os.getpid()
    try:
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        for outcome in pool(delayed(_run)(layout, i, unit, parent) for i, unit in waiting.copy().items()):
            del waiting[outcome[0]]
            yield outcome
    except TerminatedWorkerError:
        log.warning("a worker died; its stage goes on one unit at a time")
    for i, unit in waiting.items():
        try:
            yield from Parallel(n_jobs=2)([delayed(_run)(layout, i, unit, parent)])
        except TerminatedWorkerError as error:
            yield i, Record(unit.fingerprint, "failed", "worker-died", f"its process died: {error}"), 0.0


def _run(layout: Layout, index: int, unit: Unit, parent: int | None = None) -> tuple[int, Record, float]:
    """Do one unit and record it; in a worker, ``parent`` is the run that wants it."""
    if parent is not None and os.getppid() != parent:
        os._exit(1)  # the run was killed: its successor must not find two hands in one folder
    start = time.perf_counter()
    layout.record(unit.stage, unit.name).unlink(missing_ok=True)  # it would vouch for files about to change
    return index, _attempt(layout, unit), time.perf_counter() - start


def _attempt(layout: Layout, unit: Unit) -> Record:
    """Do the unit and store its record, unless it fails."""
    for attempt in range(1, TRIES + 1):
        try:
            with explaining_full_disk(layout.out):
                record = _outcome(layout, unit)
            write_json(layout.record(unit.stage, unit.name), asdict(record))
        except Exception as error:  # noqa: BLE001 - whatever breaks in one unit must not end the run
            message = str(error) if isinstance(error, PipelineError) else traceback.format_exc()
            log.warning("%s %s: attempt %d of %d failed: %s", unit.stage, unit.name, attempt, TRIES, message)
            failure = Record(unit.fingerprint, "failed", type(error).__name__, message)
        else:
            return record
    return failure


def _outcome(layout: Layout, unit: Unit) -> Record:
    try:
        result = unit.work()
    except UnitRejected as rejection:
        return Record(unit.fingerprint, "rejected", rejection.reason, rejection.message)
    outputs = {str(p.relative_to(layout.out)): p.stat().st_size for p in result.outputs}
    return Record(unit.fingerprint, "done", outputs=outputs, rejects=result.rejects)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1

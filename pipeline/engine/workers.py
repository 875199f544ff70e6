"""Processes that do one thing at a time: one that dies or hangs costs what it was doing, and no other's work.

Each has an executor of loky's (joblib's) of its own, since an executor that loses one process gives up all.
"""

from __future__ import annotations

import faulthandler
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from pipeline.engine.sharing import Partition
from pipeline.processes import end_with_parent

#: Variables by which numerical libraries take the number of their threads.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
#: Characters of a process's last words that an error holds.
LONGEST = 2000
#: What a run's folder of temporary files is called, before the number of its process.
FOLDER = "l3d-run-"


@dataclass(frozen=True)
class Effort:
    """How work is done; nothing that comes of it depends on it.

    jobs: things done at once, each in a process of its own, 0 for one after the other in this one; threads: of
    numerical libraries in each; limit_seconds: what takes longer is ended; retry: whether what broke every time it was
    tried is tried again; partition: which of several runs on the folder this is, None where it has it for itself;
    scheduler: address of a Dask scheduler whose workers do it in place of this machine.
    """

    jobs: int = 0
    threads: int = 1
    limit_seconds: float = 3600.0
    retry: bool = False
    partition: Partition | None = None
    scheduler: str = ""

    def workers(self, folder: Path) -> Workers:
        """For work on a dataset's folder. Raises PipelineError where a cluster cannot do it."""
        if self.scheduler:
            from pipeline.engine.dask_workers import DaskWorkers  # another extra

            return DaskWorkers(self.scheduler, folder, self.limit_seconds)
        return Pool(self.threads, self.limit_seconds) if self.jobs else ThisProcess()


class WorkLostError(Exception):
    """Work whose process died, or was ended because it took too long. ``reason``: a slug for statistics."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Workers(Protocol):
    """What does work, several things at once, each known by a key."""

    @property
    def width(self) -> int | None:
        """How many, at the moment; None: as many as are wanted."""

    def start(self, key: int, work: Callable[..., Any], *arguments: Any) -> None:
        """Begin with ``work``."""

    def ended(self) -> Iterator[tuple[int, Any]]:
        """Wait until something ends; what has, with what came of it: a value, or the exception that ended it."""

    def close(self) -> None:
        """End all processes at once, whatever they do."""


@dataclass
class ThisProcess:
    """Does work as it comes, in this process: for what is quick or trusted, and for debuggers."""

    width: int | None = None
    _done: list[tuple[int, Any]] = field(default_factory=list)

    def start(self, key: int, work: Callable[..., Any], *arguments: Any) -> None:
        self._done.append((key, work(*arguments)))

    def ended(self) -> Iterator[tuple[int, Any]]:
        yield self._done.pop(0)

    def close(self) -> None:
        """There is nothing to end."""


@dataclass
class _Slot:
    """One process: what it does, since when, and where it leaves its last words."""

    executor: ProcessPoolExecutor
    words: Path
    future: Future[Any]
    key: int
    since: float


class Pool:
    """As many processes as there are things to do at once. They stay until closed.

    threads: of numerical libraries in each; limit_seconds: what takes longer is ended.
    """

    width: int | None = None

    def __init__(self, threads: int, limit_seconds: float) -> None:
        remove_forsaken()
        self._limit = limit_seconds
        self._folder = tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-")
        # What is ended cannot tidy up after itself: its temporary files go with this folder.
        self._environment = {**dict.fromkeys(THREADS, str(threads)), "TMPDIR": self._folder.name}
        self._count = 0
        self._idle: list[tuple[ProcessPoolExecutor, Path]] = []
        self._busy: list[_Slot] = []

    def start(self, key: int, work: Callable[..., Any], *arguments: Any) -> None:
        executor, words = self._idle.pop() if self._idle else self._new()
        self._busy.append(_Slot(executor, words, executor.submit(work, *arguments), key, time.monotonic()))

    def ended(self) -> Iterator[tuple[int, Any]]:
        left = min(slot.since for slot in self._busy) + self._limit - time.monotonic()
        wait([slot.future for slot in self._busy], max(0.0, left), FIRST_COMPLETED)
        for slot in list(self._busy):
            if slot.future.done():
                self._busy.remove(slot)
                yield slot.key, self._outcome(slot)
            elif time.monotonic() - slot.since >= self._limit:
                self._busy.remove(slot)
                _end(slot.executor)
                yield slot.key, WorkLostError("too-slow", f"it took more than {self._limit:g} s and was ended")

    def close(self) -> None:
        for executor in [*(slot.executor for slot in self._busy), *(executor for executor, _ in self._idle)]:
            _end(executor)
        self._busy, self._idle = [], []
        self._folder.cleanup()

    def _new(self) -> tuple[ProcessPoolExecutor, Path]:
        self._count += 1
        words = Path(self._folder.name) / str(self._count)
        executor = ProcessPoolExecutor(1, initializer=_begin, initargs=(os.getpid(), str(words)), env=self._environment)
        return executor, words

    def _outcome(self, slot: _Slot) -> Any:
        error = slot.future.exception()
        if isinstance(error, TerminatedWorkerError):
            _end(slot.executor)
            return WorkLostError("worker-died", _death(error, slot.words))
        self._idle.append((slot.executor, slot.words))
        return slot.future.result() if error is None else error


def remove_forsaken(folder: Path | None = None) -> None:
    """Remove temporary files of runs on this machine that were killed."""
    for path in (folder or Path(tempfile.gettempdir())).glob(f"{FOLDER}*"):
        process = path.name.removeprefix(FOLDER).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _begin(parent: int, words: str) -> None:
    """In a new process: die with the run, let it deal with Ctrl-C, and leave word of a crash."""
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable(Path(words).open("w"))  # noqa: SIM115  it is kept as long as the process


def _end(executor: ProcessPoolExecutor) -> None:
    executor.shutdown(wait=True, kill_workers=True)


def _death(error: TerminatedWorkerError, words: Path) -> str:
    """How a process died, and where in the program, as far as it could tell."""
    how = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
    why = how[1] if how else "unknown"
    hint = "; by hand, or for lack of memory" if "SIGKILL" in why else ""
    said = words.read_text(encoding="utf-8", errors="replace")[-LONGEST:] if words.exists() else ""
    return f"its process died ({why}{hint}){': ' + said.strip() if said.strip() else ''}"

"""Work on the workers of a Dask cluster, through its scheduler. They and this program share the folder.

A worker that is lost costs nothing: its scheduler gives what it did to another. What loses several in a row is told as
lost.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

from distributed import Client, Future, KilledWorker
from distributed.scheduler import NoValidWorkerError

from pipeline.engine.workers import WorkLostError
from pipeline.errors import PipelineError
from pipeline.files import locked

log = logging.getLogger(__name__)

#: Seconds in which a scheduler, and its first worker, must answer.
PATIENCE = 60.0
#: Between looks at work that another process is at.
_POLL_SECONDS = 0.5


class DaskWorkers:
    """The workers of a scheduler, those that come while this works among them.

    scheduler: its address; folder: of the dataset; limit_seconds: what takes longer is given up. Raises PipelineError
    where the cluster cannot do the work: no answer, no worker, several threads in one, other versions, another disk.
    """

    def __init__(self, scheduler: str, folder: Path, limit_seconds: float) -> None:
        self._folder, self._limit = folder, limit_seconds
        try:
            self._client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            raise PipelineError(
                f"--scheduler {scheduler}: no Dask scheduler with a worker answers in {PATIENCE:g} s ({error}); start "
                "them with: dask scheduler, and dask worker ADDRESS --nthreads 1 on each machine"
            ) from error
        first = self._workers()
        self._check(first)
        self._able, self._unable = set(first), set[str]()
        self._busy: dict[int, tuple[Future, float]] = {}
        self._done: SimpleQueue[int] = SimpleQueue()

    def start(self, key: int, work: Callable[..., Any], *arguments: Any) -> None:
        # Those that are restarted have other addresses: nobody is left out without need.
        only = sorted(self._able) if self._unable else None
        name = f"l3d-{uuid4().hex}"
        future = self._client.submit(_apart, self._folder, work, *arguments, key=name, pure=False, workers=only)
        self._busy[key] = future, time.monotonic()
        future.add_done_callback(lambda _: self._done.put(key))

    def ended(self) -> Iterator[tuple[int, Any]]:
        left = min(since for _, since in self._busy.values()) + self._limit - time.monotonic()
        with suppress(Empty):
            key = self._done.get(timeout=max(0.0, left))
            if key in self._busy:  # or it was given up
                yield key, _outcome(self._busy.pop(key)[0])
        for key, (future, since) in list(self._busy.items()):
            if time.monotonic() - since >= self._limit:
                del self._busy[key]
                future.cancel()
                yield key, WorkLostError("too-slow", f"it took more than {self._limit:g} s and was given up")

    def close(self) -> None:
        """Take back what has not begun. What a worker is at it brings to its end; the next run waits for that."""
        self._client.cancel([future for future, _ in self._busy.values()])
        self._client.close()

    @property
    def width(self) -> int:
        """The number of workers there are now. Late ones are looked at as the first were; one that cannot do the work
        is told, and gets none.
        """
        workers = self._workers()
        for address in workers.keys() - self._able - self._unable:
            try:
                self._check({address: workers[address]})
            except PipelineError as error:
                log.warning("%s. It gets no work", error)
                self._unable.add(address)
            else:
                self._able.add(address)
        return max(1, len(workers.keys() & self._able))

    def _workers(self) -> dict[str, Any]:
        """Address -> what the scheduler knows of it."""
        found: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def _check(self, workers: Mapping[str, Any]) -> None:
        """Raise PipelineError for workers that cannot do the work."""
        for address, worker in workers.items():
            if worker["nthreads"] != 1:
                raise PipelineError(
                    f"Dask worker {address} has {worker['nthreads']} threads, and Blender and MeshLab need a process "
                    "each: start workers with --nthreads 1, and several of them with --nworkers"
                )
        probe = self._folder / f".probe-{uuid4().hex}"
        probe.write_text("there")
        try:
            found = self._client.run(_look, probe, workers=list(workers))
        finally:
            probe.unlink()
        own = _versions()
        for address, (there, versions) in found.items():
            if versions != own:
                raise PipelineError(f"Dask worker {address} has {versions}, this program {own}: install the same")
            if not there:
                raise PipelineError(
                    f"Dask worker {address} does not see {self._folder}: --out must be on a disk that all share"
                )


def _versions() -> str:
    return f"l3d-gen {version('l3d-gen')} on Python {'.'.join(platform.python_version_tuple()[:2])}"


def _look(probe: Path) -> tuple[bool, str]:
    """On a worker: whether it sees a file that was just written, and what it runs. Networks may take seconds."""
    end = time.monotonic() + 10
    while not probe.exists() and time.monotonic() < end:
        time.sleep(0.2)
    return probe.exists(), _versions()


def _apart(folder: Path, work: Callable[..., Any], root: Path, context: Any, task: Any) -> Any:
    """On a worker: do a task, after whoever may still be at it for a run that has ended, or for a lost connection."""
    path = folder / "locks" / "dask" / task.stage / f"{task.unit.name}.lock"
    while (held := locked(path)) is None:
        time.sleep(_POLL_SECONDS)
    with held:
        return work(root, context, task)


def _outcome(future: Future) -> Any:
    if future.cancelled():
        return WorkLostError("worker-died", "the scheduler gave it up")
    error = future.exception()
    if isinstance(error, KilledWorker | NoValidWorkerError):
        return WorkLostError("worker-died", f"its Dask workers died: {error}".splitlines()[0])
    return future.result() if error is None else error

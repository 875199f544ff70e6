"""Work through a real Dask scheduler and workers in processes of their own, over TCP on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

pytest.importorskip("distributed", reason="the extra cluster is not installed")

from pipeline.engine.dask_workers import DaskWorkers
from pipeline.engine.quarantine import Quarantine
from pipeline.engine.run import execute
from pipeline.engine.stage import Stage
from pipeline.engine.unit import Result, Unit
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError
from pipeline.processes import module_environment

#: In which this folder's modules are found.
ENVIRONMENT = module_environment({})


def dask(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"] if arguments[0] == "scheduler" else []
    command = command or [sys.executable, "-m", "distributed.cli.dask_worker"]
    environment = {**ENVIRONMENT, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    return subprocess.Popen([*command, *arguments[1:]], stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one with two workers."""
    here = tmp_path_factory.mktemp("dask")
    head = dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    assert head.stderr is not None
    line = next(line for line in head.stderr if "Scheduler at:" in line)
    address = line.split("Scheduler at:")[1].strip()
    options = ("--nthreads", "1", "--nworkers", "2", "--no-dashboard", "--local-directory", str(here))
    body = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", address, *options],
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    yield address
    for process in (body, head):
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()
    head.stderr.close()


@contextmanager
def one_more(scheduler: str, folder: Path, threads: int) -> Iterator[None]:
    """A worker that comes late, and goes."""
    options = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--local-directory", str(folder))
    command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, *options]
    worker = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    yield
    worker.kill()
    worker.wait()


def write(name: str, folder: Path) -> Result:
    time.sleep(0.05)
    (folder / name).write_text(f"{name} by {os.getpid()}")
    return Result((folder / name,))


def die_once(name: str, folder: Path) -> Result:
    """As a machine that is switched off amid its work."""
    if not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return write(name, folder)


def die(name: str, folder: Path) -> Result:
    os.kill(os.getpid(), signal.SIGSEGV)
    return write(name, folder)


def crash(name: str, folder: Path) -> Result:
    raise ZeroDivisionError("oops")


def test_units_are_made_by_the_workers_and_one_that_is_lost_costs_nothing(tmp_path: Path, scheduler: str) -> None:
    works = {**{f"u{number}": write for number in range(12)}, "x": die_once, "y": crash}
    units = [Unit(name, {}, {}, partial(work, name)) for name, work in works.items()]
    stage = Stage("one", "thing", 1, (), lambda folder, outcomes: units)
    summary = execute([stage], ["one"], tmp_path, tmp_path, Effort(scheduler=scheduler), lambda *_: None)
    assert [(name, message.splitlines()[-1]) for _, name, message in summary.lost] == [("y", "ZeroDivisionError: oops")]
    makers = {(tmp_path / name).read_text().split()[-1] for name in works if name != "y"}
    assert len(makers) > 1 and str(os.getpid()) not in makers
    assert [entry.unit for entry in Quarantine(tmp_path).all()] == ["y"]


def test_a_worker_that_comes_late_gets_work_if_it_can_do_it(
    tmp_path: Path, scheduler: str, caplog: pytest.LogCaptureFixture
) -> None:
    def see(count: int, words: str = "") -> None:
        end = time.monotonic() + 30
        while (found := workers.width) != count or words not in caplog.text:
            assert time.monotonic() < end, f"{found} workers: {caplog.text}"
            time.sleep(0.1)

    workers = DaskWorkers(scheduler, tmp_path, 60)
    see(2)
    with one_more(scheduler, tmp_path, threads=1):
        see(3)
    see(2)
    with one_more(scheduler, tmp_path, threads=2):
        see(2, "has 2 threads, and Blender and MeshLab need a process each")
    workers.close()


def test_what_kills_worker_after_worker_is_set_aside(tmp_path: Path, scheduler: str) -> None:
    units = [Unit("a", {}, {}, partial(die, "a")), Unit("b", {}, {}, partial(write, "b"))]
    stage = Stage("one", "thing", 1, (), lambda folder, outcomes: units)
    summary = execute([stage], ["one"], tmp_path, tmp_path, Effort(scheduler=scheduler), lambda *_: None)
    [(_, name, message)] = summary.lost
    assert name == "a" and message.startswith("its Dask workers died")
    assert (tmp_path / "b").exists()


def test_a_folder_that_the_workers_do_not_see_is_told(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.dask_workers._look", partial(_blind, "l3d-gen 0"))
    with pytest.raises(PipelineError, match=r"has l3d-gen 0, this program l3d-gen .*: install the same"):
        DaskWorkers(scheduler, tmp_path, 60)
    from pipeline.engine.dask_workers import _versions

    monkeypatch.setattr("pipeline.engine.dask_workers._look", partial(_blind, _versions()))
    with pytest.raises(PipelineError, match=f"does not see {tmp_path}: --out must be on a disk"):
        DaskWorkers(scheduler, tmp_path, 60)


def _blind(versions: str, probe: Path) -> tuple[bool, str]:
    return False, versions


def test_no_scheduler_is_an_error_that_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.dask_workers.PATIENCE", 0.5)
    with pytest.raises(PipelineError, match=r"no Dask scheduler .* dask worker ADDRESS --nthreads 1"):
        DaskWorkers("tcp://127.0.0.1:9", tmp_path, 60)

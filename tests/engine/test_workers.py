"""Processes at work: those that die, hang or fail cost what they did, and none is left at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engine.workers import FOLDER, Pool, WorkLostError, remove_forsaken
from pipeline.processes import module_command, module_environment


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(threads=1, limit_seconds=5.0)
    yield pool
    pool.close()


def outcomes(pool: Pool, count: int) -> dict[int, object]:
    found: dict[int, object] = {}
    while len(found) < count:
        found.update(pool.ended())
    return found


def is_alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def until_dead(*processes: int) -> None:
    deadline = time.monotonic() + 10
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, "an orphan"
        time.sleep(0.02)


def test_processes_are_kept_and_one_that_dies_takes_only_its_own_work(pool: Pool) -> None:
    for key in range(3):
        pool.start(key, os.getpid)
    first = outcomes(pool, 3)
    assert len(set(first.values())) == 3
    pool.start(0, os.kill, os.getpid(), 0)
    pool.start(1, os._exit, 3)
    pool.start(2, os.getpid)
    found = outcomes(pool, 3)
    assert found[0] is None and found[2] in first.values()
    assert isinstance(found[1], WorkLostError) and (found[1].reason, str(found[1])) == (
        "worker-died",
        "its process died (EXIT(3))",
    )
    pool.start(0, os.getpid)
    assert outcomes(pool, 1)[0] in first.values()


def test_what_takes_too_long_is_ended_and_its_process_with_it(tmp_path: Path) -> None:
    pool = Pool(threads=1, limit_seconds=0.1)
    pool.start(0, time.sleep, 600)
    found = outcomes(pool, 1)
    assert isinstance(found[0], WorkLostError) and found[0].reason == "too-slow"
    assert str(found[0]) == "it took more than 0.1 s and was ended"
    pool.close()


def test_threads_of_numerical_libraries_are_limited_and_an_interrupt_is_left_to_the_run(pool: Pool) -> None:
    pool.start(0, os.getenv, "OMP_NUM_THREADS")
    pool.start(1, signal.getsignal, signal.SIGINT)
    assert outcomes(pool, 2) == {0: "1", 1: signal.SIG_IGN}


def test_an_error_comes_back_as_it_is(pool: Pool) -> None:
    pool.start(0, divmod, 1, 0)
    assert isinstance(outcomes(pool, 1)[0], ZeroDivisionError)


#: A run with two workers, each of which has started a program of the project that never ends; it says all their ids.
_RUN = """
import os, subprocess, sys, time
from pathlib import Path
from pipeline.engine.workers import Pool
from pipeline.processes import module_command, module_environment

def work(folder):
    child = subprocess.Popen(module_command("tests.engine.endless"), env=module_environment({}), stdout=subprocess.PIPE)
    child.stdout.readline()
    Path(folder, str(os.getpid())).write_text(str(child.pid))
    time.sleep(600)

if __name__ == "__main__":
    pool = Pool(1, 600)
    for key in range(2):
        pool.start(key, work, sys.argv[1])
    list(pool.ended())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_run_however_that_ends(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    (told := tmp_path / "told").mkdir()
    run = subprocess.Popen([sys.executable, script, told], env=module_environment({}))
    while len(found := list(told.iterdir())) < 2 or not all(path.read_text() for path in found):
        assert run.poll() is None
        time.sleep(0.02)
    [folder] = Path(tempfile.gettempdir()).glob(f"{FOLDER}{run.pid}-*")
    run.send_signal(number)
    run.wait()
    until_dead(*(int(path.name) for path in found), *(int(path.read_text()) for path in found))
    remove_forsaken()
    assert not folder.exists()


def test_a_program_whose_parent_has_ended_before_it_began_ends_at_once() -> None:
    environment = {**module_environment({}), "L3D_PARENT": "1"}
    assert subprocess.run(module_command("tests.engine.endless"), env=environment, timeout=20, check=False).returncode

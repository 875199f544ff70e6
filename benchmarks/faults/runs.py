"""Runs of ``l3d-gen`` that faults are done to, and what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from benchmarks.faults import sabotage
from pipeline.files import LEFTOVER
from pipeline.processes import module_environment

#: A run of four chairs in some ten seconds.
SETTINGS = ("views.resolution=64", "views.reference_views=2", "render.samples=1", "render.reference_samples=1")
#: Of two equal runs, only these files differ.
UNLIKE = ("timings.jsonl", ".lock")
#: Seconds after which a run is believed to hang.
PATIENCE = 300.0
_LOOK_SECONDS = 0.001


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    said: str

    def unlike(self, status: int, words: str = "") -> list[str]:
        """What is wrong with it, if it was to end with ``status`` and to say ``words``, and never a traceback."""
        wrong = [] if self.status == status else [f"ended with {self.status}"]
        wrong += [] if words in self.said else [f"did not say {words!r}"]
        wrong += ["showed a traceback"] if "Traceback" in self.said else []
        return [f"{', '.join(wrong)}: ...{self.said[-300:]}"] if wrong else []


class Undisturbed:
    """The files and seconds of a run to which nothing happens, with which the others are compared."""

    def __init__(self, folder: Path, settings: Sequence[str]) -> None:
        begin = time.monotonic()
        ended = start(folder, settings).end()
        if ended.status:
            raise RuntimeError(f"the undisturbed run ended with status {ended.status}: {ended.said}")
        self.seconds = time.monotonic() - begin
        self.files = contents(folder)
        self.bytes = sum(map(len, self.files.values()))

    def unlike(self, folder: Path) -> list[str]:
        """Names of files that a folder lacks, has more, or has with other bytes."""
        found = contents(folder)
        return sorted(name for name in found.keys() | self.files.keys() if found.get(name) != self.files.get(name))


class Run:
    """One that was begun."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self.process, self._log = process, log

    def end(self) -> Ended:
        """Wait for it."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._log.seek(0)
        with self._log:
            return Ended(self.process.wait(), self._log.read())

    def kill(self) -> None:
        """It, and all that work for it, as if the machine had lost its power."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def until(self, seen: Callable[[], object]) -> bool:
        """Wait; whether something was seen before it ended."""
        while self.process.poll() is None:
            if seen():
                return True
            time.sleep(_LOOK_SECONDS)
        return False

    def children(self) -> list[psutil.Process]:
        """All processes that work for it."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def renderers(self) -> list[psutil.Process]:
        """Its Blenders."""
        return [child for child in self.children() if "blender_scripts.render" in _command(child)]

    def workers(self) -> list[psutil.Process]:
        """Its processes for geometry and all else."""
        return [c for c in self.children() if "loky" in _command(c) and "tracker" not in _command(c)]


def _command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(process.cmdline())
    return ""


def start(out: Path, settings: Sequence[str], *extra: str, fault: Mapping[str, str] | None = None) -> Run:
    """Begin a run; ``fault``: the variables of ``sabotage``."""
    begin = sabotage.COMMAND if fault else ("-m", "pipeline.cli.gen")
    sets = [part for setting in (*SETTINGS, *settings) for part in ("--set", setting)]
    command = [sys.executable, *begin, "--config", "tiny", "--out", str(out), "--jobs", "2", *sets, *extra]
    log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  read when the run has ended
    environment = module_environment(fault or {})
    process = subprocess.Popen(command, stdout=log, stderr=log, text=True, env=environment, start_new_session=True)
    return Run(process, log)


def verify(out: Path) -> Ended:
    """What ``l3d-data verify`` says of a dataset."""
    command = [sys.executable, "-c", "from pipeline.cli.data import main; main()", "verify", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=module_environment({}))
    return Ended(done.returncode, done.stdout + done.stderr)


def contents(out: Path) -> dict[str, bytes]:
    """Every file that equal runs have alike, by relative path."""
    files = [path for path in out.rglob("*") if path.is_file() and not path.name.endswith(UNLIKE)]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def half_files(out: Path) -> list[str]:
    """Names of temporary files that were left."""
    return [path.name for path in out.rglob(".*") if LEFTOVER.fullmatch(path.name)]


@contextmanager
def memory_limit(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """A control group of so many bytes; yields what puts a process in, and with it those that it starts later.

    Needs root and the kernel's memory controller, version 1 or 2; raises OSError without.
    """

    def put_in(process: int) -> None:
        (group / "cgroup.procs").write_text(str(process))

    root = Path("/sys/fs/cgroup")
    old = root / "memory"
    group = (old if old.is_dir() else root) / f"l3d-{name}-{os.getpid()}"
    group.mkdir()
    try:
        (group / ("memory.limit_in_bytes" if old.is_dir() else "memory.max")).write_text(str(size))
        yield put_in
    finally:
        for _ in range(100):
            with suppress(OSError):  # busy until its last process is gone
                group.rmdir()
                break
            time.sleep(0.1)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[str], None]]:
    """A file system in memory of so many bytes; yields what mounts it with other options. Needs root."""

    def mount(options: str, *more: str) -> None:
        subprocess.run(["mount", *more, "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)

    folder.mkdir(parents=True)
    mount(f"size={size}", "-t", "tmpfs")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

"""Dask clusters over TCP, on this machine or between network namespaces, and workers that are lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from pipeline.processes import module_environment

_NAME = "l3d-other"
#: Of the two hosts; for documentation by RFC 5737, so no network's.
_OWN, _OTHER = "192.0.2.1", "192.0.2.2"


class Cluster:
    """A scheduler and workers, each worker in a session of its own with its nanny."""

    def __init__(self, host: str, workers: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="l3d-dask-")
        arguments = ["--host", host, "--port", "0", "--no-dashboard"]
        self._head = self._begin("dask_scheduler", arguments, stderr=subprocess.PIPE)
        assert self._head.stderr is not None
        line = next(line for line in self._head.stderr if "Scheduler at:" in line)
        self.address = line.split("Scheduler at:")[1].strip()
        self._workers: list[subprocess.Popen[str]] = []
        for _ in range(workers):
            self.add_worker()

    def add_worker(self, within: Sequence[str] = ()) -> None:
        """``within``: a command that runs another one on a host."""
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", self._folder.name]
        worker = self._begin("dask_worker", [self.address, *options], within)
        self._workers.append(worker)

    def lose_worker(self) -> None:
        """Kill the last one and its nanny, as if the machine had lost its power."""
        _kill(self._workers.pop())

    def _begin(
        self, name: str, arguments: Sequence[str], within: Sequence[str] = (), stderr: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        command = [*within, sys.executable, "-m", f"distributed.cli.{name}", *arguments]
        return subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
            env=module_environment({}),
            start_new_session=True,
        )

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in (*self._workers, self._head):
            _kill(process)
        assert self._head.stderr is not None
        self._head.stderr.close()
        self._folder.cleanup()


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def two_hosts() -> Iterator[tuple[str, tuple[str, ...]]]:
    """This host's address on a cable to another, and the command that runs one there. Needs root and iproute2."""
    commands = (
        f"netns add {_NAME}",
        f"link add l3d0 type veth peer name l3d1 netns {_NAME}",
        f"addr add {_OWN}/30 dev l3d0",
        "link set l3d0 up",
        f"-n {_NAME} addr add {_OTHER}/30 dev l3d1",
        f"-n {_NAME} link set l3d1 up",
        f"-n {_NAME} link set lo up",
    )
    try:
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)
        yield _OWN, ("ip", "netns", "exec", _NAME)
    finally:
        subprocess.run(["ip", "netns", "del", _NAME], check=False, capture_output=True)

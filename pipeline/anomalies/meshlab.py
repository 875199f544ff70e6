"""MeshLab, in a process of its own as Blender is: one for each process that asks, which lives until that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError, UnitRejected
from pipeline.processes import module_command, module_environment
from pipeline.streaming import receive, send

#: Answers take milliseconds, the wrap of a large part seconds.
LIMIT_SECONDS = 300.0
#: Characters of what MeshLab said last that an error holds.
LONGEST = 200
#: Signals by which a process ends that broke on what it was given.
CRASHES = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mend(vertices: Floats, faces: Ints, merge: float) -> tuple[Floats, Ints]:
    """The mesh with vertices nearer than ``merge`` merged, doubled faces dropped, and neighbours wound alike."""
    return _surface(_own().ask("mend", vertices, faces, merge=merge))


def alpha_wrap(vertices: Floats, faces: Ints, alpha: float, offset: float) -> tuple[Floats, Ints]:
    """CGAL's alpha wrap, always closed: it bridges gaps and holes narrower than ``alpha`` and lies ``offset`` off.

    Both are shares of the bounding box's diagonal.
    """
    return _surface(_own().ask("wrap", vertices, faces, alpha=100 * alpha, offset=100 * offset))


def distances(points: Floats, vertices: Floats, faces: Ints, farthest: float) -> Floats:
    """(n,) distance of points (n, 3) to the surface, looked for within ``farthest`` by a grid."""
    (found,) = _own().ask("measure", points, vertices, faces, farthest=farthest)
    return found


def _surface(found: list[NDArray[Any]]) -> tuple[Floats, Ints]:
    vertices, faces = found
    return vertices, faces.astype(np.int64)


class MeshLab:
    """One process that answers (``meshlab_scripts.serve``), started by the first question and after each death.

    It ends when its input does, so it does not outlive its owner, however that ends.
    """

    def __init__(self, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._limit = limit_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it is kept as long as this

    def ask(self, work: str, *arrays: NDArray[Any], **arguments: float) -> list[NDArray[Any]]:
        """What ``work`` returns.

        Raises UnitRejected where MeshLab refuses the mesh or crashes on it. PipelineError where it was too slow or was
        killed, which says nothing against the mesh.
        """
        process = self._process or self._start()
        answer = None
        with suppress(BrokenPipeError):
            send(_stdin(process), {"work": work, "arguments": arguments, "seconds": self._limit}, *arrays)
            answer = receive(_stdout(process))
        if answer is None:
            raise self._death(process, f"MeshLab was to {work} {_sizes(arrays)}")
        entries, found = answer
        if "refused" in entries:
            raise UnitRejected("meshlab", f"MeshLab refuses to {work} {_sizes(arrays)}: {entries['refused']}")
        return found

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._ended(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            module_command("meshlab_scripts.serve"),
            env=module_environment({}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        if receive(_stdout(process)) is None:
            self._ended(process)
            raise PipelineError(f"MeshLab does not start ({self._last_words()}); run blender_scripts/check_system.py")
        self._process = process
        return process

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """The status of a process that has died; the next question starts another."""
        self._process = None
        status = process.wait()
        with suppress(BrokenPipeError):  # of what it has not read
            _stdin(process).close()
        _stdout(process).close()
        return status

    def _death(self, process: subprocess.Popen[bytes], task: str) -> PipelineError:
        status = self._ended(process)
        if status == -signal.SIGALRM:
            return PipelineError(f"{task} and was stopped after {self._limit:g} s; simplify the shape, or leave it out")
        if -status in CRASHES:
            return UnitRejected("meshlab", f"{task} and crashed: {signal.Signals(-status).name}; {self._last_words()}")
        end = f"ended with status {status}" if status >= 0 else f"was killed by {signal.Signals(-status).name}"
        return PipelineError(f"{task} and {end} (for lack of memory?); {self._last_words()}")

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").splitlines()
        return f"it said last: {next((line.strip() for line in reversed(lines) if line.strip()), 'nothing')[:LONGEST]}"


def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def _stdout(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def _sizes(arrays: tuple[NDArray[Any], ...]) -> str:
    return f"a mesh of {len(arrays[-2])} vertices and {len(arrays[-1])} faces"


def _own() -> MeshLab:
    """This process's own: one that was forked must not share its parent's pipes."""
    return _of_process(os.getpid())


@cache
def _of_process(_: int) -> MeshLab:
    return MeshLab()

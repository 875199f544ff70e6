"""Readers of which each does one thing that fuzzing is to find."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzz.reader import Reader
from pipeline.errors import PipelineError


def _seeds(folder: Path) -> None:
    (folder / "1").mkdir()
    (folder / "1" / "a.txt").write_text("sound")


def _refuse(text: str) -> None:
    raise PipelineError(text)


def _read(folder: Path) -> str:
    return (folder / "a.txt").read_text()


_WORK: dict[str, Callable[[Path], object]] = {
    "reads": _read,
    "refuses": lambda folder: _refuse(f"{folder / 'a.txt'} is odd"),
    "names no file": lambda folder: _refuse("something is odd"),
    "fails": lambda folder: 1 / 0,
    "crashes": lambda folder: ctypes.string_at(0),
    "hangs": lambda folder: time.sleep(60),
    "swells": lambda folder: bytearray(1 << 30),
    "leaves": lambda folder: _read(folder / ".." / ".." / ".."),
    "starts something": lambda folder: subprocess.run(["true"]),
    "goes on": _read,
}


def _reader(name: str) -> Reader:
    return Reader(name, _seeds, lambda folder, out: _WORK[name](folder))


READERS = {name: _reader(name) for name in _WORK}

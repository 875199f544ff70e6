"""What reading an input may not do: go outside of its folders, or start anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
#: Events of Python's audit hooks that change files.
_CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.rmtree", "os.truncate"}
_STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect", "ctypes.dlopen"}


class Escape(BaseException):
    """An input made its reader do what it may not; no handler of errors catches it."""


@dataclass
class Guard:
    """An audit hook, which stays for as long as the process. It does not see what libraries in C open."""

    folder: Path
    readable: tuple[str, ...] = field(default=(), init=False)
    on: bool = False
    starts: bool = False

    def __post_init__(self) -> None:
        code = Path(__file__).resolve().parents[2]
        places = (self.folder, code, sys.prefix, sys.base_prefix, "/usr", "/proc", "/sys", "/dev/null", "/dev/urandom")
        self.readable = (sys.prefix, *(os.path.realpath(place) for place in places))
        sys.addaudithook(self._check)

    @contextmanager
    def watching(self, starts: bool) -> Iterator[None]:
        self.on, self.starts = True, starts
        try:
            yield
        finally:
            self.on = False

    def _check(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or self.starts:
            return
        if event in _STARTS:
            raise Escape(f"{event} {arguments}"[:300])
        if event == "open" and isinstance(arguments[0], str | bytes):
            path, mode, flags = arguments
            writes = bool(flags & _WRITING) if isinstance(flags, int) else any(letter in mode for letter in "wax+")
            self._check_path(event, path, (str(self.folder), "/dev/null") if writes else self.readable)
        elif event in _CHANGES:
            self._check_path(event, arguments[0], (str(self.folder),))

    def _check_path(self, event: str, path: str | bytes, allowed: tuple[str, ...]) -> None:
        full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  where links lead is the user's own
        if not any(full == place or full.startswith(f"{place}/") for place in allowed):
            raise Escape(f"{event} {full}")

"""What is known of a source's files, so that they are read for their digest only when they may have changed.

As in git's index, size, time of change and inode of a file tell whether to look into it again. A file changed so
shortly before it was read that another change could bear the same time is not trusted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.digests import digest, file_digest
from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json

#: Nanoseconds within which a second change may bear the time of the first, on any usual file system.
RACY = 2_000_000_000


@dataclass(frozen=True)
class SourceIndex:
    """A cache in one JSON file: name of a group of files -> [their state, digest of their content]."""

    path: Path

    def digests(self, names: Sequence[str], files_of: Callable[[str], Iterable[Path]]) -> dict[str, str]:
        """Name -> digest of the names and contents of its files, read only where their state is not the known one."""
        known = self._read()
        digests: dict[str, str] = {}
        fresh: dict[str, tuple[str, str]] = {}
        for name in names:
            files = list(files_of(name))
            state, newest = _state(files)
            entry = known.get(name)
            now = time.time_ns()
            digests[name] = entry[1] if entry is not None and entry[0] == state else _content(files)
            if newest < now - RACY:
                fresh[name] = (state, digests[name])
        kept = {**known, **fresh}
        if kept != known:
            write_json(self.path, kept)
        return digests

    def _read(self) -> Mapping[str, tuple[str, str]]:
        """Nothing where there is no cache, or none that can be read: it is only a cache."""
        try:
            content = read_json(self.path) if self.path.is_file() else {}
            return {str(name): (str(state), str(digest)) for name, (state, digest) in content.items()}
        except (PipelineError, ValueError, TypeError, AttributeError):
            return {}


def _state(files: Iterable[Path]) -> tuple[str, int]:
    """A digest of names, sizes, times and inodes, and the newest time in ns."""
    states: list[list[str | int]] = []
    newest = 0
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            states.append([str(path), error.errno or 0])
            continue
        states.append([str(path), status.st_size, status.st_mtime_ns, status.st_ino])
        newest = max(newest, status.st_mtime_ns)
    return digest(states), newest


def _content(files: Iterable[Path]) -> str:
    return digest([[path.name, _file_content(path)] for path in files])


def _file_content(path: Path) -> str:
    if path.exists() and not path.is_file():
        return "no file"  # a device might never end
    try:
        return file_digest(path)
    except OSError as error:
        return str(error.errno)  # the reader will say what is wrong with it

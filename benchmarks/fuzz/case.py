"""One input: files of a folder, and how they come to the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


#: None stands for an empty folder.
Content = bytes | Link | None
#: By path in the folder.
Case = Mapping[str, Content]


def load_case(folder: Path) -> Case:
    """All files under a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def write_case(case: Case, folder: Path) -> None:
    """Replace ``folder`` by the case."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in case.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        elif content is None:
            path.mkdir()
        else:
            path.write_bytes(content)

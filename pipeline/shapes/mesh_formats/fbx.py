"""FBX: Blender's importer creates objects in the order of their addresses in memory, another one in each process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

#: A suffix by which Blender tells names apart.
NUMBERED = re.compile(r"\.\d{3,}$")

Item = TypeVar("Item")


def in_order(path: Path, found: Sequence[tuple[tuple[str, ...], bytes, Item]]) -> list[tuple[tuple[str, ...], Item]]:
    """Paths and items of ``found`` (path, content, item) in an order that only the file decides.

    Objects of one path come in the order of their contents, and without the numbers that Blender gave them.
    """
    text = path.read_bytes()

    def own(name: str) -> str:
        """The name as the file has it: a number that Blender gave is in no name of the file."""
        written = name.encode()
        ends = (written + b"\0\x01Model", b"Model::" + written + b'"')
        return name if any(end in text for end in ends) else NUMBERED.sub("", name)

    named = ((tuple(map(own, names)), content, item) for names, content, item in found)
    return [(names, item) for names, _, item in sorted(named, key=lambda entry: entry[:2])]

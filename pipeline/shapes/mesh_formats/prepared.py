"""What a format's checks hand to the importer, and how they refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnitRejected


@dataclass(frozen=True, eq=False)
class Prepared:
    """``path``: the file to import, the user's own or a copy; ``origin``: (3,) to add to what is read from it.

    ``names``: of its parts in the order of the file, where the importer has another.
    """

    path: Path
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    names: tuple[str, ...] = ()


def unreadable(path: Path, text: str) -> UnitRejected:
    """The refusal of a file for what ``text`` says."""
    suffix = path.suffix.lower()
    kind = "glTF" if suffix in (".glb", ".gltf") else suffix[1:].upper()
    return UnitRejected("unreadable-mesh", f"{path} is not a readable {kind} file: {text}")


def check_faces(path: Path, faces: int, max_faces: int) -> None:
    """Raises UnitRejected for more triangles than ``shapes.max_faces``; ``faces`` is how many there are."""
    if faces > max_faces:
        raise UnitRejected(
            "too-many-faces",
            f"{path} has {faces} triangles; shapes.max_faces allows {max_faces}: simplify the mesh, or raise "
            f"the limit with --set shapes.max_faces={faces}",
        )


def more_faces(path: Path, max_faces: int) -> UnitRejected:
    """The refusal of a file of which it is known only that there are more."""
    return UnitRejected(
        "too-many-faces",
        f"{path} has more than the {max_faces} triangles that shapes.max_faces allows: simplify the mesh, or raise the "
        "limit with --set shapes.max_faces=N",
    )


def as_text(path: Path) -> bytes:
    """A text file's bytes without byte order mark, lines ending in a line feed. Raises UnitRejected for no text."""
    content = path.read_bytes()
    if b"\0" in content:
        raise unreadable(path, "it is no text in ASCII or UTF-8; export it again")
    return content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def line_of(text: bytes, place: int) -> str:
    """``line N: 'its text'`` of the line that holds the byte at ``place``, for messages."""
    start = text.rfind(b"\n", 0, place) + 1
    end = text.find(b"\n", place)
    shown = text[start : end if end >= 0 else None].decode("utf-8", "replace").strip()[:80]
    number = text.count(b"\n", 0, start) + 1
    return f"line {number}: {shown!r}" if shown else f"line {number}"


def blender_name(name: str) -> str:
    """A name as Blender keeps it: 63 bytes of it."""
    return name.encode()[:63].decode("utf-8", "ignore")


def copied(path: Path, scratch: Path, content: bytes) -> Path:
    """A file of the same name with other content; importers name what has no name after the file."""
    copy = scratch / path.name
    copy.write_bytes(content)
    return copy

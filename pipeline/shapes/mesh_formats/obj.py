"""Wavefront OBJ: each line is read as the format defines it, or refused. A copy of the form alone is imported."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnitRejected
from pipeline.shapes.mesh_formats.prepared import (
    Prepared,
    as_text,
    blender_name,
    check_faces,
    copied,
    line_of,
    more_faces,
    unreadable,
)
from pipeline.shapes.obj_file import count_faces

#: Statements that make a mesh, and those that tell nothing about its form. Free-form surfaces are not among them.
READ = b"v f o g".split()
PASSED_OVER = b"vt vn s l p mtllib usemtl usemap maplib mg lod bevel c_interp d_interp shadow_obj trace_obj".split()
KNOWN = frozenset(READ + PASSED_OVER)
#: Farther from the origin than this many times its own size, float32 would round a shape's coordinates.
FAR = 16.0
LARGEST = float(np.finfo(np.float32).max)

_START = rb"^[ \t]*"
_REFERENCE = rb"-?0*[1-9]\d*(?:/(?:-?0*[1-9]\d*)?){0,2}"
_STATEMENT = re.compile(_START + rb"([^\s#]+)", re.MULTILINE)
_VERTEX = re.compile(_START + rb"v[ \t]+([^\n#]*)", re.MULTILINE)
_ANY_FACE = re.compile(_START + rb"f(?=[ \t]|$)([^\n#]*)", re.MULTILINE)
_FACE = re.compile(rb"(?:[ \t]+" + _REFERENCE + rb"){3,}[ \t]*")
#: Possessive: a file must not make the search go back and forth in spaces.
_NAME = re.compile(_START + rb"[og][ \t]++(\S[^\n]*+)", re.MULTILINE)
_LINE = re.compile(_START + rb"([vfog])(?=[ \t])([^\n]*)", re.MULTILINE)
_LOOKS = re.compile(rb"/[^ \t]*")


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for what is no OBJ, by the line at fault, and for too many triangles."""
    if count_faces(path) > max_faces:  # each is a triangle at least
        raise more_faces(path, max_faces)
    text = re.sub(rb"\\[ \t]*\n", b" ", _without_comments(as_text(path)))
    for statement in _STATEMENT.finditer(text):
        if statement[1] not in KNOWN:
            where = line_of(text, statement.start(1))
            raise unreadable(path, f"{where} is no statement of a mesh of polygons; export the model as triangles")
    check_faces(path, _count_triangles(path, text), max_faces)
    vertices = _vertices(path, text)
    origin = _origin(vertices)
    named = [name.rstrip().decode("utf-8", "replace") for name in _NAME.findall(text)]
    # What comes before the first name is called after the file.
    names = tuple(dict.fromkeys(map(blender_name, (path.stem, *named))))
    return Prepared(copied(path, scratch, _form(text, vertices - origin)), origin, names)


def _without_comments(content: bytes) -> bytes:
    """Comments go, the line ends stay; in names, ``#`` is a letter."""
    lines = content.split(b"\n")
    return b"\n".join(line if _NAME.match(line) else line.split(b"#", 1)[0] for line in lines)


def _form(text: bytes, vertices: NDArray[np.float64]) -> bytes:
    """Vertices, names and faces of vertices alone.

    Vertices come first, as faces may name later ones, unless faces count backward from where they stand.
    """
    moved = iter(vertices.tolist())
    first, rest = list[bytes](), list[bytes]()
    backward = any(b"-" in _LOOKS.sub(b"", face) for face in _ANY_FACE.findall(text))
    for word, tail in _LINE.findall(text):
        if word == b"v":
            line = b"v " + " ".join(map(repr, next(moved))).encode()
            (rest if backward else first).append(line)
        elif word == b"f":
            rest.append(b"f" + _LOOKS.sub(b"", tail))
        elif tail.strip():
            rest.append(word + b" " + tail.strip())
    return b"\n".join([*first, *rest, b""])


def _count_triangles(path: Path, text: bytes) -> int:
    total = 0
    for face in _ANY_FACE.finditer(text):
        if not _FACE.fullmatch(face[1]):
            raise unreadable(
                path,
                f"{line_of(text, face.start(1))} is no face: it names three or more vertices, counted from 1, or from "
                "-1 backward; export it again",
            )
        total += len(face[1].split()) - 2
    return total


def _vertices(path: Path, text: bytes) -> NDArray[np.float64]:
    """(n, 3) positions; a weight or a colour may follow each."""
    rows = []
    for vertex in _VERTEX.finditer(text):
        try:
            numbers = [float(value) for value in vertex[1].split()]
        except ValueError:
            numbers = []
        if len(numbers) not in (3, 4, 6, 7) or b"_" in vertex[1]:
            raise unreadable(path, f"{line_of(text, vertex.start(1))} is no vertex: three numbers with decimal points")
        if not all(abs(number) <= LARGEST for number in numbers[:3]):
            where = line_of(text, vertex.start(1))
            raise UnitRejected("non-finite-vertex", f"{path}, {where} is out of range; export it again")
        rows.append(numbers[:3])
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _origin(vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of vertices that lie far off, else zeros."""
    if len(vertices) == 0:
        return np.zeros(3)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = low / 2 + high / 2
    return middle if np.abs(middle).max() > FAR * (high - low).max() > 0 else np.zeros(3)

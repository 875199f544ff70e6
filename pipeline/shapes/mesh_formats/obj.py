"""Wavefront OBJ: a line is read as the format defines it, or refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.shapes.mesh_formats.prepared import Prepared, as_text, check_faces, copied, line_of, unreadable

#: Statements that make a mesh, and those that tell nothing about one. Free-form surfaces are not among them.
READ = b"v vn vt f o g s".split()
PASSED_OVER = b"l p mtllib usemtl usemap maplib mg lod bevel c_interp d_interp shadow_obj trace_obj".split()
KNOWN = frozenset(READ + PASSED_OVER)
#: Farther from the origin than this many times its own size, float32 would round a shape's coordinates.
FAR = 16.0

_START = rb"^[ \t]*"
_REFERENCE = rb"-?0*[1-9]\d*(?:/(?:-?0*[1-9]\d*)?){0,2}"
_STATEMENT = re.compile(_START + rb"([^\s#]+)", re.MULTILINE)
_VERTEX = re.compile(_START + rb"v[ \t]+([^\n#]*)", re.MULTILINE)
_ANY_FACE = re.compile(_START + rb"f(?=[ \t]|$)([^\n#]*)", re.MULTILINE)
_FACE = re.compile(rb"(?:[ \t]+" + _REFERENCE + rb"){3,}[ \t]*")
_PASSED_OVER = re.compile(_START + rb"(?:" + b"|".join(PASSED_OVER) + rb")(?=[ \t]|$)[^\n]*", re.MULTILINE)
_NAME = re.compile(_START + rb"[og][ \t]+([^\n]*)", re.MULTILINE)


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for what is no OBJ, by the line at fault, and for too many triangles."""
    text = re.sub(rb"\\[ \t]*\n", b" ", as_text(path))
    for statement in _STATEMENT.finditer(text):
        if statement[1] not in KNOWN:
            where = line_of(text, statement.start(1))
            raise unreadable(path, f"{where} is no statement of a mesh of polygons; export the model as triangles")
    text = _PASSED_OVER.sub(b"", text)
    check_faces(path, _count_triangles(path, text), max_faces)
    vertices = _vertices(path, text)
    origin = _origin(vertices)
    if origin.any():
        moved = iter((vertices - origin).tolist())
        text = _VERTEX.sub(lambda _: b"v " + " ".join(map(repr, next(moved))).encode(), text)
    named = (name.strip().decode("utf-8", "replace") for name in _NAME.findall(text))
    # What comes before the first name is called after the file.
    return Prepared(copied(path, scratch, text), origin, tuple(dict.fromkeys((path.stem, *named))))


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
        fields = vertex[1].split()
        try:
            numbers = [float(value) for value in fields]
        except ValueError:
            numbers = []
        if len(numbers) not in (3, 4, 6, 7) or b"_" in vertex[1]:
            raise unreadable(path, f"{line_of(text, vertex.start(1))} is no vertex: three numbers with decimal points")
        rows.append(numbers[:3])
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _origin(vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of vertices that lie far off, else zeros."""
    finite = vertices[np.isfinite(vertices).all(axis=1)]
    if len(finite) == 0:
        return np.zeros(3)
    low, high = finite.min(axis=0), finite.max(axis=0)
    middle = low / 2 + high / 2
    return middle if np.abs(middle).max() > FAR * (high - low).max() > 0 else np.zeros(3)

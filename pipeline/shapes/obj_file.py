"""PartNet's OBJ files: vertices and triangles, line by line, and nothing else. Other files go through ``importing``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import trimesh

from pipeline.errors import UnitRejected
from pipeline.shapes.shape import make_mesh

#: What a line may be: a vertex of three numbers, a triangle of three vertices, a comment, nothing.
_NUMBER = rb" ++[-+]?(?:(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?|nan|inf)"
_LINE = rb"(?:v(?:" + _NUMBER + rb"){3}|f(?: ++[1-9]\d{0,17}+){3}|#[^\n]*+)? *+\r?"
_LINES = re.compile(rb"(?:" + _LINE + rb"(?:\n|\Z))*+")
_VERTICES, _FACES = re.compile(rb"^v([^\r\n]*)", re.MULTILINE), re.compile(rb"^f([^\r\n]*)", re.MULTILINE)
#: Coordinates beyond are out of the range of the float32 that a dataset has.
LARGEST = float(np.finfo(np.float32).max)


def count_faces(path: Path) -> int:
    """Lines that are faces of any OBJ file, counted before the file is parsed, which costs a hundred times as much."""
    with path.open("rb") as stream:
        return sum(line.lstrip()[:2] in (b"f ", b"f\t") for line in stream)


def read_obj(path: Path) -> trimesh.Trimesh:
    """The file's triangles, vertices and faces in its order.

    Raises UnitRejected for a line that is neither vertex nor triangle, and for a face of vertices that are not there.
    """
    content = path.read_bytes()
    understood = _LINES.match(content)
    end = understood.end() if understood else 0
    if end < len(content):
        number = content.count(b"\n", 0, end) + 1
        shown = content[end:].split(b"\n", 1)[0].decode("utf-8", "replace").strip()[:80]
        raise UnitRejected(
            "unreadable-mesh",
            f"{path}, line {number}: {shown!r} is neither 'v x y z' nor 'f i j k', which is all "
            "that PartNet's OBJ files hold; copy it again, or read another program's file with --mesh",
        )
    vertices = np.array(b" ".join(_VERTICES.findall(content)).split(), dtype=np.float64).reshape(-1, 3)
    faces = np.array(b" ".join(_FACES.findall(content)).split(), dtype=np.int64).reshape(-1, 3) - 1
    if len(faces) == 0:
        raise UnitRejected("zero-face-mesh", f"{path} has no triangles: it is cut off, or holds points only")
    if faces.max() >= len(vertices):
        raise UnitRejected(
            "unreadable-mesh", f"{path}: a face names vertex {faces.max() + 1} of {len(vertices)}; copy it again"
        )
    corners = vertices[faces]
    bad = ~(np.abs(corners) <= LARGEST)
    if bad.any():
        raise UnitRejected("non-finite-vertex", f"{path}: a triangle has the coordinate {corners[bad][0]}")
    return make_mesh(vertices, faces)

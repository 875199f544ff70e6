"""STL: binary as long as its header says, or text in which every facet has three vertices. One part a file."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.shapes.mesh_formats.prepared import Prepared, as_it_is, as_text, check_faces, copied, line_of, unreadable

HEADER, FACET = 84, 50

_NUMBER = rb"[ \t]+[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_LINE = re.compile(
    rb"^[ \t]*(?:(?P<solid>(?:end)?solid)\b[^\n]*|(?P<facet>facet[ \t]+normal\b[^\n]*)|outer[ \t]+loop|endloop|endfacet"
    rb"|(?P<vertex>vertex" + _NUMBER * 3 + rb"))?[ \t]*$",
    re.MULTILINE,
)


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for a file that is not whole, or no STL, and for too many triangles."""
    with path.open("rb") as stream:
        head = stream.read(HEADER)
    size = path.stat().st_size
    promised = int.from_bytes(head[80:84], "little")
    if len(head) == HEADER and size == HEADER + FACET * promised:
        check_faces(path, promised, max_faces)
        return as_it_is(path)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:5].lower() == b"solid":
        return _prepare_text(path, scratch, max_faces)
    whole = HEADER + FACET * promised
    what = (
        "it is cut off; copy it again" if size < whole else "something follows, or the number is wrong; export it again"
    )
    raise unreadable(path, f"its header promises {promised} triangles, {whole} bytes in all, and it has {size}: {what}")


def _prepare_text(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """The names of solids are left out: Blender would take words in them for the facets'."""
    text = as_text(path).lower()
    facets = vertices = 0
    kept, place = [], 0
    for line in _LINE.finditer(text):
        if text[place : line.start()].strip():
            break
        place = line.end()
        facets += line["facet"] is not None
        vertices += line["vertex"] is not None
        kept.append(line["solid"] or line[0])
    rest = text[place:]
    if rest.strip():
        where = line_of(text, place + len(rest) - len(rest.lstrip()))
        raise unreadable(path, f"{where} is no line of a text STL; export it again")
    if vertices != 3 * facets:
        raise unreadable(path, f"it has {facets} facets and {vertices} vertices: it is cut off; export it again")
    check_faces(path, facets, max_faces)
    return Prepared(copied(path, scratch, b"\n".join(kept)), as_it_is(path).origin)

"""STL: binary as long as its header says, or text in which every facet has three vertices. One part a file."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.shapes.mesh_formats.prepared import Prepared, as_text, check_faces, copied, line_of, unreadable

HEADER, FACET = 84, 50

#: Possessive, as are all repeats below: a file must not make the search go back and forth in it.
_NUMBER = rb"[ \t]++[-+]?(?:\d++\.?\d*+|\.\d++)(?:e[-+]?\d++)?"
#: Lines, in the order in which a facet has them.
_FACET_LINES = (
    rb"facet[ \t]++normal\b[^\n]*+",
    rb"outer[ \t]++loop",
    *3 * (rb"vertex" + _NUMBER * 3,),
    rb"endloop",
    rb"endfacet",
)
_FACET = re.compile(rb"[ \t]*+\n".join(rb"[ \t]*+" + line for line in _FACET_LINES) + rb"[ \t]*+(?:\n|\Z)")
#: A line that may stand between facets.
_BETWEEN = re.compile(rb"[ \t]*+(?:(?:end)?solid\b[^\n]*+)?(?:\n|\Z)")


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for a file that is not whole, or no STL, and for too many triangles."""
    with path.open("rb") as stream:
        head = stream.read(HEADER)
    size = path.stat().st_size
    promised = int.from_bytes(head[80:84], "little")
    if len(head) == HEADER and size == HEADER + FACET * promised:
        check_faces(path, promised, max_faces)
        return Prepared(path)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:5].lower() == b"solid":
        return _prepare_text(path, scratch, max_faces)
    whole = HEADER + FACET * promised
    what = "it is cut off; copy it again" if size < whole else "something follows, or that is wrong; export it again"
    raise unreadable(path, f"its header promises {promised} triangles, {whole} bytes in all, and it has {size}: {what}")


def _prepare_text(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """The names of solids are left out: Blender would take words in them for the facets'."""
    text = as_text(path).lower()
    facets, place = list[bytes](), 0
    while place < len(text):
        found = _FACET.match(text, place)
        if found:
            facets.append(found[0])
        else:
            found = _BETWEEN.match(text, place)
        if not found or found.end() == place:
            where = line_of(text, place)
            raise unreadable(path, f"what begins at {where} is no whole facet of a text STL; export it again")
        place = found.end()
    check_faces(path, len(facets), max_faces)
    content = b"".join([b"solid\n", *(facet.rstrip() + b"\n" for facet in facets), b"endsolid\n"])
    return Prepared(copied(path, scratch, content))

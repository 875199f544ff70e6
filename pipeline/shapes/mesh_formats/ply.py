"""PLY: a header that says what follows, and as much of it as it says. One part a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.shapes.mesh_formats.prepared import Prepared, as_it_is, check_faces, unreadable

#: Bytes of a number.
SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}
FORMATS = ("ascii", "binary_little_endian", "binary_big_endian")
LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class _Element:
    """``names`` of properties; ``least``: bytes (in text: words) that one takes; ``lists``: whether any is a list."""

    name: str
    count: int
    names: tuple[str, ...] = ()
    least: int = 0
    lists: bool = False


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for a file that is not whole, or that holds faces which are no polygons."""
    with path.open("rb") as stream:
        start = stream.read(LONGEST_HEADER)
    end = re.search(rb"\bend_header(?:\r\n|\n|\r)", start)
    if not start.startswith(b"ply") or end is None:
        raise unreadable(path, "it has no header from 'ply' to 'end_header'")
    kind, elements = _parse(path, start[: end.start()].decode("ascii", "replace").splitlines())
    named = {element.name: element for element in elements}
    if "tristrips" in named:
        raise unreadable(path, "it holds triangle strips, which are not read; export it with faces")
    for name, wanted in (("vertex", {"x", "y", "z"}), ("face", {"vertex_indices"})):
        if name in named and not wanted <= {re.sub("^vertex_index$", "vertex_indices", n) for n in named[name].names}:
            raise unreadable(path, f"its element {name!r} has the properties {', '.join(named[name].names)} only")
    size = path.stat().st_size - end.end()
    least = sum(element.count * element.least for element in elements)
    least = 2 * least - 1 if kind == "ascii" else least  # a word and what parts it from the next
    if size < least:
        what = ", ".join(f"{element.count} of {element.name!r}" for element in elements)
        raise unreadable(
            path, f"its header promises {what}, at least {least} bytes, but {size} follow: it is cut off; copy it again"
        )
    check_faces(path, named["face"].count if "face" in named else 0, max_faces)
    if kind == "ascii":
        _check_numbers(path, end.end(), elements)
    return as_it_is(path)


def _check_numbers(path: Path, start: int, elements: list[_Element]) -> None:
    """Raises UnitRejected for a line that is no row of numbers, which the importer would read in part."""
    lines = iter(path.read_bytes()[start:].splitlines())
    for element in elements:
        for number in range(element.count):
            words = next(lines, b"").split()
            if (
                len(words) < element.least
                or (not element.lists and len(words) > element.least)
                or not _all_numbers(words)
            ):
                shown = b" ".join(words)[:80].decode("ascii", "replace")
                raise unreadable(path, f"its {element.name!r} {number} is {shown!r}; export it again")


def _all_numbers(words: list[bytes]) -> bool:
    try:
        [float(word) for word in words]
    except ValueError:
        return False
    return True


def _parse(path: Path, lines: list[str]) -> tuple[str, list[_Element]]:
    kind, elements = "", list[_Element]()
    for line in lines[1:]:
        words = line.split()
        match words:
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", str(kind), "1.0"] if kind in FORMATS:
                continue
            case ["element", name, count] if count.isdigit():
                elements.append(_Element(name, int(count)))
                continue
            case ["property", "list", length, item, name] if elements and {length, item} <= SIZES.keys():
                least = 1 if kind == "ascii" else SIZES[length]
            case ["property", item, name] if elements and item in SIZES:
                least = 1 if kind == "ascii" else SIZES[item]
            case _:
                raise unreadable(path, f"its header's line {line.strip()[:80]!r} is not understood; export it again")
        last = elements[-1]
        lists = last.lists or words[1] == "list"
        elements[-1] = _Element(last.name, last.count, (*last.names, name), last.least + least, lists)
    if not kind:
        raise unreadable(path, "its header names no format; export it again")
    return kind, elements

"""PLY: a header that says what follows, and just that. One part a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.errors import UnitRejected
from pipeline.shapes.mesh_formats.prepared import Prepared, check_faces, unreadable

#: NumPy's codes of numbers.
CODES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
LONGEST_HEADER = 1 << 16
#: Digits of a number of elements.
LONGEST_COUNT = 18
LARGEST = float(np.finfo(np.float32).max)
AXES = ("x", "y", "z")
INDICES = ("vertex_indices", "vertex_index")


@dataclass(frozen=True)
class _Property:
    """``length``: the type of a list's length, None of a single number."""

    name: str
    code: str
    length: str | None = None


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: tuple[_Property, ...] = ()

    @property
    def names(self) -> list[str]:
        return [item.name for item in self.properties]

    @property
    def has_lists(self) -> bool:
        return any(item.length for item in self.properties)

    @property
    def least(self) -> int:
        """Bytes that one takes at least."""
        return sum(np.dtype(item.length or item.code).itemsize for item in self.properties)


def prepare(path: Path, scratch: Path, max_faces: int) -> Prepared:
    """Raises UnitRejected for a file that is not whole, or that holds faces which are no polygons."""
    with path.open("rb") as stream:
        start = stream.read(LONGEST_HEADER)
    end = re.search(rb"\bend_header(?:\r\n|\n|\r)", start)
    if not start.startswith(b"ply") or end is None:
        raise unreadable(path, "it has no header from 'ply' to 'end_header'; export it again")
    kind, elements = _parse(path, start[: end.start()].decode("ascii", "replace").splitlines())
    named = {element.name: element for element in elements}
    if "tristrips" in named:
        raise unreadable(path, "it holds triangle strips, which are not read; export it with faces")
    for name, wanted in (("vertex", set(AXES)), ("face", {INDICES[0]})):
        if name in named and not wanted <= {INDICES[0] if n in INDICES else n for n in named[name].names}:
            raise unreadable(path, f"its element {name!r} has the properties {', '.join(named[name].names)} only")
    size = path.stat().st_size - end.end()
    least = sum(
        element.count * (2 * len(element.properties) if kind == "ascii" else element.least) for element in elements
    )
    if size < least - 1:
        what = ", ".join(f"{element.count} of {element.name!r}" for element in elements)
        raise unreadable(
            path, f"its header promises {what}, at least {least} bytes, but {size} follow: it is cut off; copy it again"
        )
    check_faces(path, named["face"].count if "face" in named else 0, max_faces)
    body = path.read_bytes()[end.end() :]
    if kind == "ascii":
        _check_text(path, body, elements)
    else:
        _check_binary(path, body, elements, ORDERS[kind])
    return Prepared(path)


def _parse(path: Path, lines: list[str]) -> tuple[str, list[_Element]]:
    kind, elements = "", list[_Element]()
    for line in lines[1:]:
        match line.split():
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", str(kind), "1.0"] if kind in ORDERS:
                continue
            case ["element", name, count] if count.isdigit() and len(count) <= LONGEST_COUNT:
                elements.append(_Element(name, int(count)))
                continue
            case ["property", "list", length, item, name] if elements and {length, item} <= CODES.keys():
                added = _Property(name, CODES[item], CODES[length])
            case ["property", item, name] if elements and item in CODES:
                added = _Property(name, CODES[item])
            case _:
                raise unreadable(path, f"its header's line {line.strip()[:80]!r} is not understood; export it again")
        last = elements[-1]
        elements[-1] = _Element(last.name, last.count, (*last.properties, added))
    if not kind:
        raise unreadable(path, "its header names no format; export it again")
    bare = [element.name for element in elements if not element.properties]
    if bare:
        raise unreadable(path, f"its element {bare[0]!r} has no properties; export it again")
    return kind, elements


def _check_text(path: Path, body: bytes, elements: list[_Element]) -> None:
    """Raises UnitRejected for a line that is not a row of what the header says: the importer would take it in part."""
    lines = iter(body.splitlines())
    for element in elements:
        for number in range(element.count):
            line = next(lines, b"")
            if not _is_row(line.split(), element):
                shown = line.strip()[:80].decode("ascii", "replace")
                raise unreadable(path, f"its {element.name!r} {number} is {shown!r}; export it again")
    if any(line.strip() for line in lines):
        raise unreadable(path, "more follows than its header promises; export it again")


def _is_row(words: list[bytes], element: _Element) -> bool:
    try:
        rest = iter(words)
        for item in element.properties:
            own = [next(rest) for _ in range(1 if item.length is None else int(next(rest)))]
            if item.name in INDICES and _comes_back([int(word) for word in own]):
                return False
            if any(b"_" in word for word in own) or (item.name in AXES and not abs(float(own[0])) <= LARGEST):
                return False
            [float(word) for word in own]
        return next(rest, None) is None
    except (ValueError, StopIteration):
        return False


def _numbers(content: bytes, kind: np.dtype) -> list[int]:
    return np.frombuffer(content, kind, len(content) // kind.itemsize).tolist()


def _comes_back(corners: list[int]) -> bool:
    """Whether a polygon visits a vertex twice, as around a hole: the importer would leave it out."""
    return len(corners) > 3 and len(set(corners)) < len(corners)


def _check_binary(path: Path, body: bytes, elements: list[_Element], order: str) -> None:
    """Raises UnitRejected where the body ends too soon, and for coordinates that are not finite."""
    place = 0
    for element in elements:
        if element.has_lists:
            place = _end_of_lists(path, body, place, element, order)
        else:
            rows = np.dtype([(str(n), order + item.code) for n, item in enumerate(element.properties)])
            whole = place + rows.itemsize * element.count
            if element.name == "vertex" and whole <= len(body) and element.count:
                table = np.frombuffer(body, rows, element.count, place)
                for value in _not_finite(table, element):
                    raise UnitRejected(
                        "non-finite-vertex", f"{path}: a vertex has the coordinate {value}; export it again"
                    )
            place = whole
        if place > len(body):
            raise unreadable(path, f"its {element.name!r} elements go beyond its end: it is cut off; copy it again")


def _not_finite(table: np.ndarray, element: _Element) -> Iterator[float]:
    for number, item in enumerate(element.properties):
        if item.name in AXES:
            with np.errstate(over="ignore"):
                values = table[str(number)].astype(np.float32)
            yield from values[~np.isfinite(values)][:1].tolist()


def _end_of_lists(path: Path, body: bytes, place: int, element: _Element, order: str) -> int:
    """Where an element with lists ends, beyond the body where that ends too soon.

    Raises UnitRejected for a polygon that visits a vertex twice.
    """
    kinds = [
        (np.dtype(item.length).itemsize if item.length else 0, np.dtype(order + item.code), item.name in INDICES)
        for item in element.properties
    ]
    byte_order: Literal["big", "little"] = "big" if order == ">" else "little"
    for number in range(element.count):
        for length, kind, is_polygon in kinds:
            count = int.from_bytes(body[place : place + length], byte_order) if length else 1
            place += length
            end = place + count * kind.itemsize
            if is_polygon and count > 3 and _comes_back(_numbers(body[place:end], kind)):
                text = f"its {element.name!r} {number} visits a vertex twice, as around a hole; export it as triangles"
                raise unreadable(path, text)
            place = end
        if place > len(body):
            break
    return place

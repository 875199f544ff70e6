"""Damage to what is in a file, with its lengths and checksums made right."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np

from benchmarks.fuzz.hdf5 import damage_hdf5
from benchmarks.fuzz.values import VALUES, pick

#: Levels of nesting that are put around a value: few, and more than parsers go down.
DEPTHS = (5, 400, 3000)

Structure = Callable[[bytes, np.random.Generator], bytes]


def damage_json(content: bytes, rng: np.random.Generator) -> bytes:
    """A value becomes another one, another's, goes, comes twice, gets a new name, or lies far deeper."""
    try:
        root = [json.loads(content)]
    except (ValueError, RecursionError):
        return content
    if rng.random() < 0.1:
        return _deeper(content, rng)
    holders = list(_holders(root))
    holder, key = pick(holders, rng)
    match int(rng.integers(6)):
        case 0 | 1:
            holder[key] = pick(VALUES, rng)
        case 2:
            other, place = pick(holders, rng)
            holder[key] = json.loads(json.dumps(other[place]))
        case 3:
            del holder[key]
        case 4 if isinstance(holder, dict):
            holder[str(pick(VALUES, rng))] = holder.pop(key)
        case 4 | 5:
            value = holder[key]
            holder[key] = [value] * int(2 ** rng.integers(1, 10)) if rng.random() < 0.5 else _changed(value, rng)
    return b"".join(json.dumps(tree).encode() for tree in root)


def _holders(tree: Any) -> Any:
    """(list or dict, key) of every value in it."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _holders(value)


def _changed(value: Any, rng: np.random.Generator) -> Any:
    """The same but for its type or size."""
    if isinstance(value, bool | None):
        return str(value)
    if isinstance(value, int | float):
        return pick((-value, value * 1e9, value + 1, float(value), str(value), [value]), rng)
    if isinstance(value, str):
        return pick((value * 100, value.encode().hex(), [value], {value: value}, len(value)), rng)
    return pick((str(value), len(value), None), rng)


def _deeper(content: bytes, rng: np.random.Generator) -> bytes:
    """The whole, or one of its lists or objects, in very many lists or objects."""
    depth = pick(DEPTHS, rng)
    opening, closing = pick(((b"[", b"]"), (b'{"children":[', b"]}"), (b'{"a":', b"}")), rng)
    starts = [0, *(n for n, byte in enumerate(content) if byte in b"[{")]
    start = pick(starts, rng)
    return content[:start] + opening * depth + content[start:] + (closing * depth if start == 0 else b"")


def damage_glb(content: bytes, rng: np.random.Generator) -> bytes:
    """The JSON of a binary glTF file, or numbers of its buffer."""
    if content[:4] != b"glTF" or len(content) < 20:
        return content
    length = struct.unpack_from("<I", content, 12)[0]
    text, rest = content[20 : 20 + length], bytearray(content[20 + length :])
    if rng.random() < 0.7:
        text = damage_json(text.strip(), rng)
    elif len(rest) > 12:
        value = pick((float("nan"), float("inf"), 3e38, -1.0, 0.0), rng)
        struct.pack_into("<f", rest, 8 + 4 * int(rng.integers((len(rest) - 8) // 4)), value)
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest))
    return head + struct.pack("<I4s", len(text), b"JSON") + text + bytes(rest)


def damage_png(content: bytes, rng: np.random.Generator) -> bytes:
    """A chunk with other bytes and the right checksum, or one that goes, or comes twice."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return content
    at = int(rng.integers(len(chunks)))
    kind, data = chunks[at]
    if data and rng.random() < 0.8:
        damaged = bytearray(data)
        for spot in rng.integers(len(damaged), size=int(rng.integers(1, 5))):
            damaged[spot] = pick((0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))), rng)
        chunks[at] = kind, bytes(damaged)
    else:
        chunks[at : at + 1] = [] if rng.random() < 0.5 else [(kind, data)] * 2
    told = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return content[:8] + b"".join(told)


def damage_zip(content: bytes, rng: np.random.Generator) -> bytes:
    """An entry of an archive with other bytes and the right checksum, or one that goes, or has another name."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, zlib.error, NotImplementedError):
        return content
    if not entries:
        return content
    at = int(rng.integers(len(entries)))
    name, data = entries[at]
    match int(rng.integers(8)):
        case 0:
            del entries[at]
        case 1:
            entries[at] = (pick(("../../secret", "/etc/passwd", "a" * 300, name + "x"), rng), data)
        case 2:
            entries[at] = (name, data[: int(rng.integers(len(data) + 1))])
        case 3:
            entries[at] = (name, bytes(1 << 27))  # packed, it is small
        case _ if data:
            damaged = bytearray(data)
            for spot in rng.integers(min(len(damaged), 4096), size=int(rng.integers(1, 5))):
                damaged[spot] = int(rng.integers(256))
            entries[at] = (name, bytes(damaged))
    target = BytesIO()
    with zipfile.ZipFile(target, "w", pick((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), rng)) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return target.getvalue()


#: By a file's suffix.
STRUCTURES: Mapping[str, Structure] = {
    ".json": damage_json,
    ".gltf": damage_json,
    ".glb": damage_glb,
    ".png": damage_png,
    ".pt": damage_zip,
    ".npz": damage_zip,
    ".h5": damage_hdf5,
}

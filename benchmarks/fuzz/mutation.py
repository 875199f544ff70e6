"""Damage to bytes of any file, and to what a format's own checks would stop early, with those checks made right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import numpy as np

from benchmarks.fuzz.case import Case, Content, Link
from benchmarks.fuzz.structures import STRUCTURES
from benchmarks.fuzz.values import NUMBERS, TEXTS, pick

#: Larger inputs are cut.
MOST_BYTES = 1 << 20
#: Share of inputs in which a file is missing, a folder, a link, or another's.
MISPLACED = 0.03
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(rb"[A-Za-z_]{2,}")

Damage = Callable[[bytes, Sequence[bytes], np.random.Generator], bytes]


def mutated(seeds: Sequence[Case], rng: np.random.Generator) -> Case:
    """One of the seeds with one to four faults; what files are damaged by may come from the other seeds."""
    case = dict(pick(seeds, rng))
    for _ in range(1 + min(int(rng.geometric(0.6)) - 1, 3)):
        name = pick(sorted(case), rng)
        if rng.random() < MISPLACED:
            _misplace(case, name, rng)
        elif isinstance(content := case[name], bytes):
            others = [own for seed in seeds for other, own in seed.items() if isinstance(own, bytes)]
            case[name] = damaged(name, content, others, rng)[:MOST_BYTES]
        if not case:
            break
    return case


def damaged(name: str, content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """One fault in one file, of the format that its name tells where that has any structure."""
    structure = STRUCTURES.get(PurePosixPath(name).suffix)
    if structure is not None and rng.random() < 0.6:
        return structure(content, rng)
    return pick(BYTES, rng)(content, others, rng)


def _misplace(case: dict[str, Content], name: str, rng: np.random.Generator) -> None:
    match int(rng.integers(5)):
        case 0:
            del case[name]
        case 1:
            case[name] = None
        case 2:
            case[name] = Link(pick(("../../secret", "/etc/passwd", PurePosixPath(name).name, "gone", "/dev/zero"), rng))
        case 3:
            case[name] = b""
        case _:
            case[name] = case[pick(sorted(case), rng)]


def _flip(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    for place in rng.integers(len(damaged), size=int(rng.integers(1, 9))) if damaged else ():
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _overwrite(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """An integer of one, two, four or eight bytes that is hard on sizes and places."""
    size, order = 1 << int(rng.integers(4)), pick(("little", "big"), rng)
    bits = 8 * size
    value = pick((0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** (bits // 2)), rng)
    place = int(rng.integers(max(len(content) - size, 0) + 1))
    return content[:place] + value.to_bytes(size, order) + content[place + size :]


def _cut(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    start, end = _slice(content, rng)
    return content[:start] if rng.random() < 0.3 else content[:start] + content[end:]


def _repeat(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    start, end = _slice(content, rng)
    times = min(int(2 ** rng.integers(1, 15)), MOST_BYTES // max(end - start, 1))
    return content[:start] + content[start:end] * times + content[end:]


def _insert(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 33))) + content[place:]


def _splice(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    other = pick(others, rng)
    start, end = _slice(other, rng)
    place = int(rng.integers(len(content) + 1))
    return content[:place] + other[start:end] + content[place + (end - start if rng.random() < 0.5 else 0) :]


def _number(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    return _replaced(_NUMBER, content, pick(NUMBERS, rng), rng)


def _word(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    words = [found[0] for found in _WORD.finditer(content)]
    text = pick(words, rng) if words and rng.random() < 0.5 else pick(TEXTS, rng).encode("utf-8", "surrogatepass")
    return _replaced(_WORD, content, text, rng)


def _lines(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """A line goes, comes twice, or elsewhere."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    at = int(rng.integers(len(lines)))
    line = lines.pop(at) if rng.random() < 0.6 else lines[at]
    if rng.random() < 0.6:
        lines.insert(int(rng.integers(len(lines) + 1)), line)
    return b"".join(lines)


BYTES: tuple[Damage, ...] = (_flip, _overwrite, _cut, _repeat, _insert, _splice, _number, _number, _word, _lines)


def _slice(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    """Mostly short ones."""
    length = min(int(2 ** rng.uniform(0, 14)), len(content))
    start = int(rng.integers(len(content) - length + 1))
    return start, start + length


def _replaced(pattern: re.Pattern[bytes], content: bytes, by: bytes, rng: np.random.Generator) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return content + by
    one = pick(found, rng)
    return content[: one.start()] + by + content[one.end() :]

"""A few hundred damaged files over all readers, in their own process, and inputs that once broke a reader.

``python -m benchmarks.fuzz`` tries tens of thousands.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.fuzz.case import Case, Link, load_case, write_case
from benchmarks.fuzz.child import Task, Work, load_corpus
from benchmarks.fuzz.mutation import mutated
from benchmarks.fuzz.parent import FINDING, fuzz, make_corpus, replay
from benchmarks.fuzz.readers import READERS
from pipeline.seeding import rng
from tests import faulty_readers

KEPT = Path(__file__).with_name("fuzz_corpus")
#: Those that take seconds to make, or to read.
COSTLY = ("mesh, by Blender", "run folder: status")
#: Inputs of a reader with a share of one.
EACH = 6


def test_every_reader_reads_what_is_sound_and_refuses_the_rest(tmp_path: Path) -> None:
    names = [name for name in READERS if name not in COSTLY]
    make_corpus(tmp_path, (READERS[name] for name in names))
    seeds = {name: len(load_corpus(tmp_path, name)) for name in names}
    counts = {name: seeds[name] + round(EACH * READERS[name].share) for name in names}
    tasks = tuple(Task(name, -seeds[name], counts[name]) for name in names)
    tallies = fuzz(tmp_path, Work(tasks, 0, 60.0, 4.0), tmp_path / "found")
    found = [json.loads(path.read_text())["text"] for path in (tmp_path / "found").glob(f"*/{FINDING}")]
    assert not found, "\n".join(found)
    for name, tally in tallies.items():
        assert tally.outcomes.total() == counts[name] and tally.outcomes["read"], name


def test_whatever_else_a_reader_does_is_found_and_the_rest_goes_on(tmp_path: Path) -> None:
    make_corpus(tmp_path, faulty_readers.READERS.values())
    tasks = tuple(Task(name, -1, 1) for name in faulty_readers.READERS)
    work = Work(tasks, 0, 3.0, 0.5, faulty_readers.__name__)
    tallies = fuzz(tmp_path, work, tmp_path / "found")
    assert {name: list(tally.outcomes) for name, tally in tallies.items()} == {
        "reads": ["read"],
        "refuses": ["refused"],
        "names no file": ["unclear"],
        "fails": ["ZeroDivisionError"],
        "crashes": ["crash -11"],
        "hangs": ["hang"],
        "swells": ["MemoryError"],
        "leaves": ["Escape"],
        "starts something": ["Escape"],
        "goes on": ["read"],
    }
    found = {path.parent.name: json.loads(path.read_text()) for path in (tmp_path / "found").glob(f"*/{FINDING}")}
    assert len(found) == 7
    assert "faulty_readers.py" in found["hangs--1"]["text"] and "Segmentation fault" in found["crashes--1"]["text"]
    assert load_case(tmp_path / "found" / "fails--1" / "input") == {"a.txt": b"sound"}


@pytest.mark.parametrize("place", sorted(KEPT.iterdir()), ids=lambda place: place.name)
def test_what_once_broke_a_reader_does_so_no_more(place: Path, tmp_path: Path) -> None:
    outcome, text = replay(place, tmp_path, None)
    assert outcome in ("read", "refused"), text


SEEDS: list[Case] = [
    {"a.json": b'{"a": [1, 2.5, "b"]}', "b.txt": b"v 1 2 3\n" * 4},
    {"a.json": b"[]", "c/d.png": b"\x89PNG"},
]


def test_damage_is_the_seeds_own_and_of_every_kind() -> None:
    first, second = ([mutated(SEEDS, rng(seed, "case", n)) for n in range(400)] for seed in (0, 0))
    assert first == second
    assert first != [mutated(SEEDS, rng(1, "case", n)) for n in range(400)]
    assert sum(case not in SEEDS for case in first) > 300
    contents = [content for case in first for content in case.values()]
    assert any(isinstance(content, Link) for content in contents) and None in contents and b"" in contents
    texts = [content for content in contents if isinstance(content, bytes)]
    assert any(b"[[[[[" in text for text in texts) and any(b"9" * 300 in text for text in texts)


def test_a_case_comes_back_from_the_disk(tmp_path: Path) -> None:
    write_case({"a/b": b"1", "c": b"", "d": Link("a/b"), "e": None}, tmp_path / "case")
    assert (tmp_path / "case" / "e").is_dir() and (tmp_path / "case" / "d").is_symlink()
    assert load_case(tmp_path / "case") == {"a/b": b"1", "c": b"", "d": b"1"}

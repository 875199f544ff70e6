"""A few mutated files for every reader, as ``python -m benchmarks.fuzz`` makes many."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.__main__ import shared
from benchmarks.fuzz.child import Work
from benchmarks.fuzz.parent import fuzz, make_corpus
from benchmarks.fuzz.readers import READERS

#: Blender takes seconds to start.
NAMES = [name for name in READERS if "Blender" not in name]


def test_every_reader_reads_or_refuses_what_it_is_given(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    make_corpus(corpus, NAMES)
    tallies = fuzz(corpus, Work(shared(NAMES, 120), seed=0, seconds=20, memory_gib=4), tmp_path / "found")
    assert {name: tally.findings for name, tally in tallies.items() if tally.findings} == {}
    assert sum(tally.outcomes["read"] for tally in tallies.values()) > 0
    assert sum(tally.outcomes["refused"] for tally in tallies.values()) > 0

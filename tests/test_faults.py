"""Runs to which something happens, as ``python -m benchmarks.faults`` does it at length."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.faults.rows import SHORT_SETTINGS, Bench, full_disk, kill_in_shards, no_locks


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"), 0, SHORT_SETTINGS)


def test_killed_while_a_shard_is_written(bench: Bench) -> None:
    assert kill_in_shards(bench, 1).wrong == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk(bench: Bench) -> None:
    assert full_disk(bench, 1).wrong == []


def test_no_locks(bench: Bench) -> None:
    assert no_locks(bench, 1).wrong == []


def test_a_file_that_is_unlike_is_told(bench: Bench, tmp_path: Path) -> None:
    assert bench.compare(tmp_path)[0].startswith(f"{len(bench.whole.files)} files unlike: ")

"""What the machine, or the part of it that a process may use, is enough for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.engine import resources
from pipeline.engine.resources import usable_cores, usable_memory, usable_workers

GIB = 2**30


def test_cores_are_those_that_the_process_may_use() -> None:
    one = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{one}}}); from pipeline.engine.resources import *; print(usable_cores())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
    assert usable_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("line", "file"), [("0::/a/b", "a/{}/memory.max"), ("9:memory:/a", "memory/a/memory.limit_in_bytes")]
)
def test_memory_is_what_the_groups_leave(tmp_path: Path, line: str, file: str) -> None:
    own, machine = tmp_path / "own", usable_memory(tmp_path, tmp_path / "no")
    own.write_text(f"{line}\n")
    for limits, expected in (
        ({"": GIB}, GIB),
        ({"": 3 * GIB, "b": GIB}, GIB),
        ({"": "max"}, machine),
        ({"": 2**63}, machine),
    ):
        for name, limit in limits.items():
            path = tmp_path / file.format(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{limit}\n")
        assert usable_memory(tmp_path, own) == expected
        for path in tmp_path.rglob("memory.*"):
            path.unlink()


def test_workers_are_as_many_as_cores_and_memory_are_enough_for_but_one_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resources, "usable_cores", lambda: 64)
    for memory, expected in ((1 * GIB, 1), (6 * GIB, 4), (512 * GIB, 64)):
        monkeypatch.setattr(resources, "usable_memory", lambda memory=memory: memory)
        assert usable_workers() == expected

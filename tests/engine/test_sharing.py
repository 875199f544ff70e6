"""Several runs on one folder: every unit is made once, whoever comes, goes or dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.records import Records
from pipeline.engine.sharing import BUCKETS, Holding, Partition, bucket
from pipeline.errors import PipelineError
from pipeline.files import lock, lock_shared, locked, share
from pipeline.processes import module_environment

#: A run over 40 units, each of which notes who made it, and after all of them one unit that counts.
_RUN = """
import os, sys, time
from functools import partial
from pathlib import Path
from pipeline.engine.run import execute
from pipeline.engine.sharing import Partition
from pipeline.engine.stage import Stage
from pipeline.engine.unit import Result, Unit
from pipeline.engine.workers import Effort

folder, seconds = Path(sys.argv[1]), float(sys.argv[3])

def make(name, folder):
    with (folder / "made").open("a") as stream:
        stream.write(f"{name} {os.getpid()}\\n")
    time.sleep(seconds)
    return Result(())

def count(folder):
    (folder / "sum").write_text(str(len((folder / "made").read_text().split()) // 2))
    return Result((folder / "sum",))

one = Stage("one", "thing", 1, (), lambda *_: [Unit(f"u{i}", {}, {}, partial(make, f"u{i}")) for i in range(40)])
two = Stage("two", "sum", 1, (), lambda *_: [Unit("sum", {}, {}, count)], isolated=False)
effort = Effort(partition=Partition.parse(sys.argv[2]))
execute([one, two], ["one", "two"], folder, folder, effort, lambda *_: None)
"""


def start(folder: Path, partition: str, seconds: float) -> subprocess.Popen[bytes]:
    script = folder / "run.py"
    script.write_text(_RUN)
    command = [sys.executable, str(script), str(folder), partition, str(seconds)]
    return subprocess.Popen(command, env=module_environment({}))


def makers(folder: Path) -> dict[str, list[str]]:
    lines = [line.split() for line in (folder / "made").read_text().splitlines()]
    return {name: [who for other, who in lines if other == name] for name, _ in lines}


def until_some_are_made(folder: Path, number: int) -> None:
    deadline = time.monotonic() + 30
    while not (folder / "made").exists() or len(makers(folder)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_three_at_once_make_each_unit_once_and_all_see_the_end(tmp_path: Path) -> None:
    runs = [start(tmp_path, f"{number}/3", 0.02) for number in (1, 2, 3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    made = makers(tmp_path)
    assert len(made) == 40 and all(len(who) == 1 for who in made.values())
    assert (tmp_path / "sum").read_text() == "40"
    assert len({who for whose in made.values() for who in whose}) > 1


def test_one_alone_does_the_others_work_and_a_late_one_finds_nothing_left(tmp_path: Path) -> None:
    assert start(tmp_path, "2/3", 0).wait() == 0
    assert start(tmp_path, "3/5", 0).wait() == 0, "another number of runs mixes"
    assert Counter(map(len, makers(tmp_path).values())) == {1: 40}


def test_what_a_killed_run_was_at_another_makes(tmp_path: Path) -> None:
    runs = [start(tmp_path, f"{number}/2", 0.05) for number in (1, 2)]
    until_some_are_made(tmp_path, 6)
    runs[0].send_signal(signal.SIGKILL)
    assert runs[1].wait() == 0 and runs[0].wait() == -signal.SIGKILL
    assert len(makers(tmp_path)) == 40
    assert (tmp_path / "sum").exists()
    assert sum(len(who) - 1 for who in makers(tmp_path).values()) <= 1, "only what it was at is made twice"
    assert Records(tmp_path).path("two", "sum").exists()


@given(st.integers(1, 300), st.data())
def test_every_partition_gets_to_every_bucket_its_own_first(of: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, of))
    order = Partition(number, of).order()
    own = [b for b in range(BUCKETS) if b % of == number - 1]
    assert sorted(order) == list(range(BUCKETS)) and order[: len(own)] == own


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "a/b", "1/", "-1/2", "1.0/2"])
def test_a_partition_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PipelineError, match="is not i/n"):
        Partition.parse(text)


def test_a_units_bucket_is_its_names_alone_and_buckets_are_about_even() -> None:
    counts = Counter(bucket(str(number)) for number in range(10_000))
    assert len(counts) == BUCKETS and max(counts.values()) < 3 * 10_000 / BUCKETS
    assert bucket("shape_1") == 244, "of every machine and version"


def test_a_bucket_is_one_runs_until_it_lets_go(tmp_path: Path) -> None:
    with Holding(tmp_path, "one") as mine, Holding(tmp_path, "one") as others, Holding(tmp_path, "two") as elsewhere:
        assert mine.take(3)
        assert not others.take(3) and others.take(4) and elsewhere.take(3)
    with Holding(tmp_path, "one") as later:
        assert later.take(3)


def test_a_folder_is_shared_by_partitions_and_by_no_whole_run(tmp_path: Path) -> None:
    first, alone = lock_shared(tmp_path)
    assert alone
    with pytest.raises(PipelineError, match="another run without --partition is working on"):
        lock_shared(tmp_path, patience_seconds=0)
    share(first)
    second, alone = lock_shared(tmp_path)
    assert not alone
    with pytest.raises(PipelineError, match="another run is working on"):
        lock(tmp_path)
    first.close()
    second.close()
    lock(tmp_path).close()


def test_a_file_system_without_locks_is_told_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, os.strerror(38))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(PipelineError, match=r"cannot be locked \(Function not implemented\).*mounted with -o flock"):
        locked(tmp_path / "a.lock")

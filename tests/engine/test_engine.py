"""The engine by itself, on made-up stages: what is made, what is made again and why, and what goes on beside a loss."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.quarantine import Quarantine
from pipeline.engine.records import Records
from pipeline.engine.run import Step, Summary, execute
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.survey import survey
from pipeline.engine.unit import Result, Unit
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError, StorageError, UnitRejected

Work = Callable[[str, str, Path], Result]


def write(name: str, text: str, folder: Path) -> Result:
    """The work of a good unit; it counts its runs in a file of its own."""
    runs = folder / f"{name}.runs"
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    path = folder / f"{name}.txt"
    path.write_text(text)
    return Result((path,), {"small": 2})


def refuse(name: str, text: str, folder: Path) -> Result:
    write(name, text, folder)
    raise UnitRejected("too-bad", f"{name} is too bad")


def crash(name: str, text: str, folder: Path) -> Result:
    write(name, text, folder)
    raise ZeroDivisionError("oops")


def die(name: str, text: str, folder: Path) -> Result:
    os.kill(os.getpid(), signal.SIGSEGV)
    return write(name, text, folder)


def crash_once(name: str, text: str, folder: Path) -> Result:
    return write(name, text, folder) if (folder / f"{name}.runs").exists() else crash(name, text, folder)


def stage(works: Mapping[str, Work], text: str = "hello", version: int = 1, **settings: Any) -> Stage[Path]:
    """A stage ``one`` with a unit for each of ``works``."""
    units = [Unit(name, {"text": text, **settings}, {}, partial(work, name, text)) for name, work in works.items()]
    return Stage("one", "thing", version, (), lambda folder, outcomes: units)


def go(folder: Path, *stages: Stage[Path], jobs: int = 0) -> Summary:
    return execute(stages, [s.name for s in stages], folder, folder, Effort(jobs), lambda *_: None)


def status(folder: Path, works: Mapping[str, Work], jobs: int) -> dict[str, str]:
    summary = go(folder, stage(works), jobs=jobs)
    return {**dict.fromkeys(works, "done"), **{name: message for _, name, message in summary.lost}}


def runs(folder: Path, name: str) -> int:
    return len((folder / f"{name}.runs").read_text())


@pytest.mark.parametrize("jobs", [0, 2])
def test_one_bad_unit_costs_only_itself(tmp_path: Path, jobs: int) -> None:
    found = status(tmp_path, {"a": write, "b": refuse, "c": crash, "d": write}, jobs)
    assert (found["a"], found["b"], found["d"]) == ("done", "b is too bad", "done")
    assert "ZeroDivisionError: oops" in found["c"]


def test_finished_and_rejected_units_are_not_made_again(tmp_path: Path) -> None:
    for expected in (2, 0):
        assert go(tmp_path, stage({"a": write, "b": refuse})).worked == expected
    assert (runs(tmp_path, "a"), runs(tmp_path, "b")) == (1, 1)


def test_what_breaks_each_time_is_set_aside_with_both_tries_until_it_is_asked_for_or_changes(tmp_path: Path) -> None:
    works = {"a": write, "c": crash}
    first = go(tmp_path, stage(works))
    again = go(tmp_path, stage(works))
    assert again.worked == 0 and again.stages[0].failed == 1
    assert again.lost == first.lost, "it is lost all the same"
    [entry] = Quarantine(tmp_path).all()
    assert (entry.stage, entry.unit) == ("one", "c")
    assert [("ZeroDivisionError: oops" in t.message, t.reason) for t in entry.tries] == [
        (True, "ZeroDivisionError")
    ] * 2
    one = stage(works)
    assert execute([one], ["one"], tmp_path, tmp_path, Effort(retry=True), lambda *_: None).worked == 1
    assert go(tmp_path, stage(works, "other")).worked == 2, "it would be made of something else now"
    assert runs(tmp_path, "c") == 6
    assert go(tmp_path, stage({"a": write, "c": write}, "other", version=2)).lost == []
    assert list(Quarantine(tmp_path).all()) == []


def test_a_damaged_entry_of_the_quarantine_only_means_another_try(tmp_path: Path) -> None:
    go(tmp_path, stage({"a": write, "c": crash}))
    Quarantine(tmp_path).path("one", "c").write_text('{"tries": [1]}')
    assert go(tmp_path, stage({"a": write, "c": write})).worked == 1


def test_unit_that_breaks_once_is_tried_again(tmp_path: Path) -> None:
    assert status(tmp_path, {"a": crash_once}, 0) == {"a": "done"}


def test_changed_settings_lost_output_and_cut_output_are_made_again(tmp_path: Path) -> None:
    def worked(**how: Any) -> int:
        return go(tmp_path, stage({"a": write}, **how)).worked

    assert [worked(), worked(), worked(text="other"), worked(text="other")] == [1, 0, 1, 0]
    (tmp_path / "a.txt").unlink()
    assert worked(text="other") == 1
    (tmp_path / "a.txt").write_text("oth")
    assert worked(text="other") == 1
    assert worked(text="other", version=2) == 1


def test_a_setting_that_was_tuples_in_the_program_is_the_same_in_json(tmp_path: Path) -> None:
    assert [go(tmp_path, stage({"a": write}, limits=[0.5, 2])).worked for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: json.dumps(content)[:100], "is cut off or no JSON"),
        (lambda content: json.dumps(content | {"version": 99}), "is of version 99"),
        (lambda content: json.dumps({"fingerprint": "a", "status": "done"}), "is of version None"),
        (lambda content: json.dumps(content | {"stage": "two"}), "is the record of two a"),
        (lambda content: json.dumps(content | {"unit": "b"}), "is the record of one b"),
        (lambda content: json.dumps(content | {"more": 1}), "is not a whole record"),
        (lambda content: json.dumps({k: v for k, v in content.items() if k != "basis"}), "is not a whole record"),
        (lambda content: json.dumps(content | {"outputs": 3}), "is not a whole record"),
        (lambda content: "[]", "is no record"),
        (lambda content: "\0\0", "is cut off or no JSON"),
    ],
)
def test_a_damaged_record_is_told_and_its_unit_made_again(
    tmp_path: Path, damage: Callable[[dict[str, Any]], str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    works = {"a": write, "b": write}
    go(tmp_path, stage(works))
    path = Records(tmp_path).path("one", "a")
    whole = path.read_bytes()
    path.write_text(damage(json.loads(whole)))
    assert go(tmp_path, stage(works)).worked == 1
    assert (runs(tmp_path, "a"), runs(tmp_path, "b")) == (2, 1)
    assert told in caplog.text and str(path) in caplog.text
    assert path.read_bytes() == whole


def test_doubt_of_an_output_costs_its_unit_alone(tmp_path: Path) -> None:
    works = {"a": write, "b": write}
    go(tmp_path, stage(works))
    records = Records(tmp_path)
    records.doubt("a", "b.txt")  # of another unit
    records.doubt("c", "c.txt")
    assert go(tmp_path, stage(works)).worked == 0
    records.doubt("a", "a.txt")
    assert go(tmp_path, stage(works)).worked == 1
    assert (runs(tmp_path, "a"), runs(tmp_path, "b")) == (2, 1)


@pytest.mark.parametrize("jobs", [1, 3])
def test_unit_that_kills_its_process_costs_only_itself(tmp_path: Path, jobs: int) -> None:
    found = status(tmp_path, {"a": write, "b": die, "c": write, "d": write}, jobs)
    message = found.pop("b")
    assert message.startswith("its process died (SIGSEGV(-11))") and "in die" in message, "where it was"
    assert set(found.values()) == {"done"}


def test_a_disk_that_takes_no_more_ends_the_run_and_is_no_units_fault(tmp_path: Path) -> None:
    def fill(name: str, text: str, folder: Path) -> Result:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="the disk is full"):
        go(tmp_path, stage({"a": write, "b": fill, "c": write}))
    assert list(Quarantine(tmp_path).all()) == []
    assert go(tmp_path, stage({"a": write, "b": write, "c": write})).worked == 2, "a is kept"


def test_progress_counts_sizes_and_failures_and_speaks_before_anything_is_done(tmp_path: Path) -> None:
    sizes = {"a": 5, "b": 7, "c": 1}
    works = {"a": write, "b": write, "c": crash}
    units = [Unit(name, {}, {}, partial(works[name], name, ""), size) for name, size in sizes.items()]
    images = Stage("one", "thing", 1, (), lambda folder, outcomes: units, counted_in="images")
    steps: list[Step] = []
    execute([images], ["one"], tmp_path, tmp_path, Effort(), steps.append)
    assert [(step.finished, step.failed) for step in steps] == [(0, 0), (5, 0), (12, 0), (13, 1)]
    assert {(step.counted, step.total) for step in steps} == {("images", 13)}


def test_record_of_older_settings_does_not_survive_a_death_during_newer_work(tmp_path: Path) -> None:
    go(tmp_path, stage({"a": write, "b": write}, "first"))
    go(tmp_path, stage({"a": crash, "b": write}, "other"))
    assert go(tmp_path, stage({"a": write, "b": write}, "first")).worked == 2


def test_records_do_not_depend_on_when_or_how_often_they_were_made(tmp_path: Path) -> None:
    contents = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        go(folder, stage({"a": write}))
        contents.append(Records(folder).path("one", "a").read_bytes())
    assert contents[0] == contents[1]
    assert json.loads(contents[0])["rejects"] == {"small": 2}


def lengths(limit: int, folder: Path, counted: list[str]) -> Stage[Path]:
    """A stage ``two`` that counts the letters of what ``one`` wrote, up to ``limit``."""

    def count(name: str, folder: Path) -> Result:
        counted.append(name)
        path = folder / f"{name}.length"
        path.write_text(str(min(limit, len((folder / f"{name}.txt").read_text()))))
        return Result((path,))

    def units(folder: Path, outcomes: Outcomes) -> Iterator[Unit[Path]]:
        for name in outcomes.done("one"):
            yield Unit(name, {"limit": limit}, outcomes.inputs(name, "one"), partial(count, name))

    return Stage("two", "thing", 1, (), units)


def shouts(folder: Path, counted: list[str]) -> Stage[Path]:
    """A stage ``three`` after ``two``."""

    def shout(name: str, folder: Path) -> Result:
        counted.append(name.upper())
        path = folder / f"{name}.shout"
        path.write_text((folder / f"{name}.length").read_text() + "!")
        return Result((path,))

    def units(folder: Path, outcomes: Outcomes) -> Iterator[Unit[Path]]:
        for name in outcomes.done("two"):
            yield Unit(name, {}, outcomes.inputs(name, "two"), partial(shout, name))

    return Stage("three", "thing", 1, (), units)


def test_a_stage_that_comes_out_the_same_stops_the_wave(tmp_path: Path) -> None:
    counted: list[str] = []
    works = {"a": write, "b": refuse}
    go(tmp_path, stage(works, "hello"), lengths(4, tmp_path, counted), shouts(tmp_path, counted))
    assert counted == ["a", "A"], "what is rejected goes no further"
    counted.clear()
    summary = go(tmp_path, stage(works, "longer"), lengths(4, tmp_path, counted), shouts(tmp_path, counted))
    assert [s.worked for s in summary.stages] == [2, 1, 0], "four letters as before"
    assert counted == ["a"]
    go(tmp_path, stage(works, "no"), lengths(4, tmp_path, counted), shouts(tmp_path, counted))
    assert counted == ["a", "a", "A"]


def test_a_survey_says_what_would_be_made_and_why_and_does_nothing(tmp_path: Path) -> None:
    counted: list[str] = []
    works = {"a": write, "b": write}
    first = [stage(works), lengths(4, tmp_path, counted), shouts(tmp_path, counted)]
    fresh = survey(first, tmp_path, tmp_path)
    assert [(s.to_make, dict(s.reasons)) for s in fresh] == [(2, {"new": 2})] * 3
    go(tmp_path, *first)
    counted.clear()
    assert [s.to_make for s in survey(first, tmp_path, tmp_path)] == [0, 0, 0]
    (tmp_path / "b.txt").unlink()
    changed = [stage(works, version=2), lengths(3, tmp_path, counted), shouts(tmp_path, counted)]
    found = survey(changed, tmp_path, tmp_path)
    assert [s.to_make for s in found] == [2, 2, 2]
    assert found[0].reasons == {"stage version 1 -> 2": 2}
    assert found[1].reasons == {"limit 4 -> 3": 2, "input one to be made": 2}
    assert found[2].reasons == {"input two to be made": 2}
    assert counted == [] and not (tmp_path / "b.txt").exists()


def test_an_earlier_stage_must_be_finished_unless_it_is_implied(tmp_path: Path) -> None:
    counted: list[str] = []
    one, two = stage({"a": write}), lengths(4, tmp_path, counted)
    with pytest.raises(PipelineError, match=r"one is not finished for 1 of 1 units \(first: a\); add --stage one"):
        execute([one, two], ["two"], tmp_path, tmp_path, Effort(), lambda *_: None)
    implied = Stage(one.name, one.unit, one.version, (), one.units, implied=True)
    execute([implied, two], ["two"], tmp_path, tmp_path, Effort(), lambda *_: None)
    assert counted == ["a"]


def test_nothing_left_is_an_error_with_the_first_losses(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no thing is left after stage one: a: a is too bad"):
        go(tmp_path, stage({"a": refuse}))

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from pipeline.errors import PipelineError, UnitRejected
from pipeline.execution import Result, Unit, fingerprint, run_units
from pipeline.files import atomic, read_json, write_json
from pipeline.layout import Layout


def write(layout: Layout, name: str, text: str) -> Result:
    """The work of a good unit; it counts its runs in a file of its own."""
    runs = layout.out / f"{name}.runs"
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    path = layout.out / f"{name}.txt"
    path.write_text(text)
    return Result((path,), {"small": 2})


def refuse(layout: Layout, name: str, text: str) -> Result:
    write(layout, name, text)
    raise UnitRejected("too-bad", f"{name} is too bad")


def crash(layout: Layout, name: str, text: str) -> Result:
    write(layout, name, text)
    raise ZeroDivisionError("oops")


def die(layout: Layout, name: str, text: str) -> Result:
    os.kill(os.getpid(), signal.SIGSEGV)
    return write(layout, name, text)


def crash_once(layout: Layout, name: str, text: str) -> Result:
    if not (layout.out / f"{name}.runs").exists():
        return crash(layout, name, text)
    return write(layout, name, text)


def unit(layout: Layout, name: str, work=write, text: str = "hello") -> Unit:  # type: ignore[no-untyped-def]
    return Unit("stage", name, fingerprint(name, text), partial(work, layout, name, text))


def runs(layout: Layout, name: str) -> int:
    return len((layout.out / f"{name}.runs").read_text())


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_unit_costs_only_itself(tmp_path: Path, jobs: int) -> None:
    layout = Layout(tmp_path)
    units = [unit(layout, "a"), unit(layout, "b", refuse), unit(layout, "c", crash), unit(layout, "d")]
    status = {u.name: (r.status, r.reason) for u, r, _ in run_units(layout, units, jobs)}
    assert status == {
        "a": ("done", ""),
        "b": ("rejected", "too-bad"),
        "c": ("failed", "ZeroDivisionError"),
        "d": ("done", ""),
    }


def test_finished_and_rejected_units_are_not_made_again_failed_ones_are(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    units = [unit(layout, "a"), unit(layout, "b", refuse), unit(layout, "c", crash)]
    for _ in range(2):
        worked = {u.name: worked for u, _, worked in run_units(layout, units, 1)}
    assert worked == {"a": False, "b": False, "c": True}
    assert (runs(layout, "a"), runs(layout, "b"), runs(layout, "c")) == (1, 1, 4)


def test_unit_that_breaks_once_is_tried_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    [(_, record, _)] = run_units(layout, [unit(layout, "a", crash_once)], 1)
    assert record.status == "done"


def test_changed_fingerprint_lost_output_and_cut_output_are_made_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)

    def go(text: str) -> bool:
        [(_, _, worked)] = run_units(layout, [unit(layout, "a", text=text)], 1)
        return worked

    assert go("hello")
    assert not go("hello")
    assert go("other")
    (tmp_path / "a.txt").unlink()
    assert go("other")
    (tmp_path / "a.txt").write_text("oth")
    assert go("other")
    (tmp_path / "records" / "stage" / "a.json").write_text('{"fingerprint": ')
    assert go("other")


@pytest.mark.filterwarnings("ignore")
def test_unit_that_kills_its_process_costs_only_itself(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    units = [unit(layout, "a"), unit(layout, "b", die), unit(layout, "c"), unit(layout, "d")]
    status = {u.name: (r.status, r.reason) for u, r, _ in run_units(layout, units, 2)}
    done = ("done", "")
    assert status == {"a": done, "b": ("failed", "worker-died"), "c": done, "d": done}


def test_record_of_older_settings_does_not_survive_a_death_during_newer_work(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    list(run_units(layout, [unit(layout, "a", text="first")], 1))
    list(run_units(layout, [unit(layout, "a", crash, text="other")], 1))
    [(_, _, worked)] = run_units(layout, [unit(layout, "a", text="first")], 1)
    assert worked


def test_records_do_not_depend_on_when_or_how_often_they_were_made(tmp_path: Path) -> None:
    contents = []
    for folder in ("one", "two"):
        layout = Layout(tmp_path / folder)
        layout.out.mkdir()
        list(run_units(layout, [unit(layout, "a")], 1))
        contents.append(layout.record("stage", "a").read_bytes())
    assert contents[0] == contents[1]
    assert json.loads(contents[0])["rejects"] == {"small": 2}


def test_atomic_file_is_absent_after_a_failure_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file.txt"
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []
    with atomic(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"


def test_json_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"a\.json is missing"):
        read_json(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(PipelineError, match=r"b\.json is not readable JSON"):
        read_json(tmp_path / "b.json")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "c.json", float("nan"))
    assert not (tmp_path / "c.json").exists()

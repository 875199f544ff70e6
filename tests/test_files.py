"""Names of unfinished files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import LEFTOVER, atomic, read_json, remove_leftovers, short_name, write_json


@pytest.mark.parametrize("stem", ["a", "a" * 250, "\u00e4" * 125, "\u6905" * 83])
def test_a_name_of_any_length_can_be_written_and_its_leftover_is_known(tmp_path: Path, stem: str) -> None:
    path = tmp_path / f"{stem}.json"
    write_json(path, 1)
    assert path.read_text() == "1\n"
    with pytest.raises(KeyboardInterrupt), atomic(path) as temporary:
        temporary.write_text("half")
        assert len(temporary.name.encode()) <= 255 and LEFTOVER.fullmatch(temporary.name)
        assert temporary.suffix == ".json" and temporary.name.startswith(f".{stem[:1]}")
        raise KeyboardInterrupt
    assert sorted(tmp_path.iterdir()) == [path]
    temporary.write_text("half")  # as a killed process leaves it
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_long_suffix_is_part_of_the_name(tmp_path: Path) -> None:
    path = tmp_path / ("v1." + "b" * 250)
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_short_names_stay_apart_and_whole() -> None:
    assert short_name("chair", 5) == "chair"
    long = [short_name("\u6905" * 40 + end, 60) for end in ("a", "b")]
    assert len(set(long)) == 2
    for name in long:
        assert len(name.encode()) <= 60 and name.startswith("\u6905" * 16)


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

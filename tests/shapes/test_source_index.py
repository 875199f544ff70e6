"""Files are read for their digest once, and again when they may have changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pipeline.shapes import source_index
from pipeline.shapes.source_index import SourceIndex

LONG_AGO = time.time_ns() - 10**12


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read, as they are."""
    read: list[str] = []
    content = source_index._content

    def noting(files: list[Path]) -> str:
        read.extend(path.name for path in files)
        return content(files)

    monkeypatch.setattr(source_index, "_content", noting)
    return read


def write(path: Path, text: str, time_ns: int = LONG_AGO) -> None:
    path.write_text(text)
    os.utime(path, ns=(time_ns, time_ns))


def test_unchanged_files_are_not_read_again_and_changed_ones_are(tmp_path: Path, looked_into: list[str]) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, "12")
    index = SourceIndex(tmp_path / "index.json")

    def digests() -> dict[str, str]:
        looked_into.clear()
        return index.digests(["a", "b"], lambda name: [tmp_path / name, tmp_path / "missing"])

    first = digests()
    assert looked_into == ["a", "missing", "b", "missing"]
    assert digests() == first and looked_into == []
    write(tmp_path / "a", "13", LONG_AGO + 1)
    second = digests()
    assert looked_into == ["a", "missing"]
    assert second["a"] != first["a"] and second["b"] == first["b"]
    write(tmp_path / "b", "12", LONG_AGO + 5)
    assert digests() == second and looked_into == ["b", "missing"], "touched, not changed"
    write(tmp_path / "new", "14")
    (tmp_path / "new").replace(tmp_path / "a")
    assert digests()["a"] not in (first["a"], second["a"]), "another inode under the same size"
    (tmp_path / "index.json").write_text("[1")
    assert len(set(digests().values())) == 2 and len(looked_into) == 4, "it is only a cache"


def test_a_file_that_has_just_changed_is_not_trusted(tmp_path: Path, looked_into: list[str]) -> None:
    write(tmp_path / "a", "12", time.time_ns())
    index = SourceIndex(tmp_path / "index.json")
    for _ in range(2):
        index.digests(["a"], lambda name: [tmp_path / name])
    assert looked_into == ["a", "a"]

"""An HDF5 file that cannot be opened: the reason is told, and nobody is advised to delete what may be whole."""

from __future__ import annotations

import ast
import fcntl
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import blender_scripts
import materials
import pipeline
from pipeline.cli.data import main
from pipeline.errors import PipelineError
from pipeline.format.views_file import read_views
from pipeline.hdf5 import atomic_hdf5, open_hdf5
from pipeline.rendering.storage import load_drawn
from tests.sample_shards import make_shape, write_dataset

HOLD = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", {"train": [make_shape("1", [("normal", 0)])]}) / "shards/train-00000.h5"


@pytest.fixture
def locked(shard: Path) -> Iterator[Path]:
    """The shard while another process has locked it."""
    command = [sys.executable, "-c", HOLD, str(shard)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield shard
        holder.communicate("\n")


def test_a_locked_shard_is_said_to_be_locked_and_is_whole_afterwards(locked: Path) -> None:
    dataset = str(locked.parents[1])
    result = CliRunner().invoke(main, ["info", dataset])
    assert result.exit_code == 1
    assert f"{locked} is locked: another process" in result.output
    assert not re.search("delete|cut off|move it", result.output)
    for read in (read_views, load_drawn):
        with pytest.raises(PipelineError, match="is locked"):
            read(locked)
    with locked.open() as stream, pytest.raises(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)  # it was locked all the time


def test_a_shard_is_read_once_the_lock_is_gone(shard: Path) -> None:
    assert CliRunner().invoke(main, ["info", str(shard.parents[1])]).exit_code == 0


@pytest.mark.parametrize("read", [read_views, load_drawn])
def test_what_is_missing_no_file_or_cut_off_is_told_apart(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PipelineError, match=r"none\.h5 is missing"):
        read(tmp_path / "none.h5")
    with pytest.raises(PipelineError, match="cannot be opened: Is a directory"):
        read(tmp_path)
    path = tmp_path / "half.h5"
    with atomic_hdf5(path) as file:
        file["x"] = range(100)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(PipelineError, match="cut off: copy it again, or move it away"):
        read(path)


def test_a_file_system_without_locks_is_told_with_the_way_out(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(37, "Unable to lock file (errno = 37, 'No locks available')")

    monkeypatch.setattr("pipeline.hdf5.h5py.File", refuse)
    with pytest.raises(PipelineError, match="HDF5_USE_FILE_LOCKING=FALSE"):
        open_hdf5(shard, "make it")


def test_no_message_advises_to_delete_anything() -> None:
    for package in (pipeline, materials, blender_scripts):
        for path in Path(package.__path__[0]).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            raised = [ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
            assert not [text for text in raised if re.search(r"\bdelet|\berase", text)], path

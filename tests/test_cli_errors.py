"""How commands fail: quietly where nobody reads on, and without an empty folder left behind."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipeline.cli import data, evaluate, gen, predict, train
from pipeline.cli.errors import BROKEN_PIPE, friendly
from pipeline.errors import PipelineError
from pipeline.files import undone_if_empty
from tests.sample_shards import make_shape, write_dataset


def unread(program: str, *arguments: str, stream: str = "stdout") -> tuple[int, str]:
    """Exit status of a program whose stdout (or stderr) nobody reads, and what it says in the other stream."""
    read, write = os.pipe()
    os.close(read)
    other = "stderr" if stream == "stdout" else "stdout"
    streams = {stream: write, other: subprocess.PIPE}
    command = [sys.executable, "-P", "-c", program, *arguments]
    done = subprocess.run(command, check=False, text=True, **streams)  # type: ignore[call-overload]
    os.close(write)
    return done.returncode, getattr(done, other)


def test_the_first_word_on_a_terminal_comes_before_what_takes_long() -> None:
    own, theirs = pty.openpty()
    command = [sys.executable, "-P", "-c", "from pipeline.cli.gen import main; main()", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    with suppress(OSError):  # as Linux tells that a terminal's other end is closed
        while more := os.read(own, 100):
            said += more
    assert process.wait() == 0
    assert said == b"l3d-gen is starting\r\x1b[K", "and it is wiped out by what follows"
    os.close(own)


def test_commands_end_quietly_where_nobody_reads_them(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "data", {"train": [make_shape("1", [("normal", 0)])]})
    info = "from pipeline.cli.data import main; main()"
    assert unread(info, "info", str(dataset)) == (BROKEN_PIPE, "")
    shapes = "from pipeline.cli.gen import main; main()"
    made = ("--source", "synthetic:1", "--stage", "shapes", "--out", str(tmp_path / "out"))
    assert unread(shapes, *made, stream="stderr")[0] == BROKEN_PIPE


def test_another_broken_pipe_is_told() -> None:
    @click.command()
    @friendly
    def broken() -> None:
        raise BrokenPipeError(32, "Broken pipe: to a worker")

    result = CliRunner().invoke(broken)
    assert (result.exit_code, result.stderr) == (1, "error: [Errno 32] Broken pipe: to a worker\n")


@pytest.mark.parametrize(
    "command",
    [
        (gen.main, "--source", "partnet:{}/nowhere"),
        (gen.main, "--source", "synthetic:2", "--shape", "nothing"),
        (gen.main, "--mesh", "{}/nothing.obj"),
        (data.main, "export", "{}/nowhere", "--layout", "coco"),
        (data.main, "import", "{}/nowhere", "--layout", "brokenchairs"),
        (data.main, "gallery", "{}/nowhere"),
        (data.main, "materials", "--set", "materials.builtin=0"),
        (train.main, "{}/nowhere"),
        (evaluate.main, "{}/nothing.pt", "{}/nowhere"),
        (predict.main, "{}/nothing.pt", "--reference", "x.obj", "--query", "x.png"),
    ],
    ids=lambda command: " ".join((command[0].name or "", *command[1:2])),
)
def test_a_command_that_fails_leaves_no_folder(command: tuple[click.Command, *tuple[str, ...]], tmp_path: Path) -> None:
    main, *arguments = command
    filled = [argument.format(tmp_path) for argument in arguments]
    result = CliRunner().invoke(main, [*filled, "--out", str(tmp_path / "made" / "for" / "it")])
    assert result.exit_code == 1, result.output
    assert list(tmp_path.iterdir()) == []


def test_only_what_the_block_made_and_left_empty_goes(tmp_path: Path) -> None:
    def fail(folder: Path, file: str) -> None:
        with pytest.raises(PipelineError), undone_if_empty(folder):
            (folder / "images" / "train").mkdir(parents=True)
            (folder / file).touch()
            raise PipelineError("no")

    fail(tmp_path / "a" / "b", ".lock")
    assert not (tmp_path / "a").exists()
    fail(tmp_path / "c" / "d", "images/train/1.png")
    assert (tmp_path / "c" / "d" / "images" / "train" / "1.png").exists()
    (tmp_path / "mine").mkdir()
    fail(tmp_path / "mine", ".lock")
    assert (tmp_path / "mine" / "images").exists()
    with undone_if_empty(tmp_path / "good"):
        (tmp_path / "good").mkdir()
    assert (tmp_path / "good").exists()

"""Blender that dies, hangs, is left alone or cannot read a map: a message, a log, no process that lives on."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.rendering.blender import draw
from pipeline.rendering.job import write_job
from tests.rendering.test_blender import RENDER, VIEWS, make_job

#: Stands in for Blender: sends one image, says something, then does what the test is about.
FAKE = """
import json, os, signal, sys, time
from pathlib import Path
Path({pid!r}).write_text(str(os.getpid()))
header = {{"kind": "query", "of": 0, "arrays": [{{"dtype": "uint8", "shape": [4, 4, 3]}}]}}
header["device"] = {{"kind": "CPU", "id": "", "name": ""}}
def send(size):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\\n" + bytes(size))
    sys.stdout.buffer.flush()
send(48)
print("warming up\\nthe last words\\n", file=sys.stderr, flush=True)
{then}
"""


def fake_job(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> Path:
    """A job, and a renderer that does ``then`` with it; its process id is in ``folder/pid``."""
    scripts = folder / "blender_scripts"
    scripts.mkdir()
    (scripts / "__init__.py").touch()
    (scripts / "render.py").write_text(FAKE.format(pid=str(folder / "pid"), then=then))
    monkeypatch.setattr("pipeline.processes.ROOT", folder)
    job = folder / "job.json"
    job.write_text(json.dumps({"settings": {"resolution": 4, "device": {"kind": "CPU", "id": "", "name": ""}}}))
    return job


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_stand_in_draws_when_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "logs" / "7.txt"
    assert draw(fake_job(tmp_path, monkeypatch, ""), 30, log).query.shape == (1, 4, 4, 3)
    assert not log.exists()


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("send(20); os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL (by hand, or for lack of memory)"),
        ("sys.stdout.buffer.write(b'{'); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGSEGV)", "by SIGSEGV;"),
        ("sys.exit(3)", "ended with status 3"),
    ],
)
def test_death_in_the_middle_is_told_with_its_log_and_last_words(
    then: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "logs" / "7.txt"
    with pytest.raises(PipelineError) as error:
        draw(fake_job(tmp_path, monkeypatch, then), 30, log)
    assert said in str(error.value)
    assert str(error.value).endswith(f"all it said is in {log}, last: the last words")
    assert log.read_text().startswith("warming up")


@pytest.mark.parametrize("then", ["os.kill(os.getpid(), signal.SIGSTOP)", "os.close(1); time.sleep(60)"])
def test_who_hangs_is_stopped_after_the_limit_of_one_image(
    then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "logs" / "7.txt"
    start = time.monotonic()
    with pytest.raises(PipelineError, match=r"nothing came for 1 s after 1 images.*raise render\.timeout_seconds"):
        draw(fake_job(tmp_path, monkeypatch, then), 1, log)
    assert time.monotonic() - start < 10
    assert "the last words" in log.read_text()
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_many_images_may_take_longer_than_the_limit_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = fake_job(tmp_path, monkeypatch, "for _ in range(5):\n    time.sleep(0.3)\n    send(48)")
    assert len(draw(job, 1.2).query) == 6


def test_blender_does_not_outlive_a_killed_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = fake_job(tmp_path, monkeypatch, "while True:\n    Path('beat').touch()\n    time.sleep(0.1)\n    send(48)")
    script = (
        f"from pathlib import Path; import pipeline.processes; from pipeline.rendering import blender\n"
        f"pipeline.processes.ROOT = Path({str(tmp_path)!r}); blender.draw(Path({str(job)!r}), 60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    worker = subprocess.Popen([sys.executable, "-c", script], env=environment, cwd=tmp_path)
    beat = tmp_path / "beat"
    deadline = time.monotonic() + 20
    while not beat.is_file():
        assert time.monotonic() < deadline and worker.poll() is None
        time.sleep(0.05)
    worker.kill()
    worker.wait()
    time.sleep(0.5)
    last = beat.stat().st_mtime_ns
    time.sleep(0.5)
    assert beat.stat().st_mtime_ns == last, "it draws for nobody"


@pytest.mark.parametrize("content", [b"junk", None])
def test_unreadable_map_is_an_error_that_names_it_not_magenta(content: bytes | None, tmp_path: Path) -> None:
    path = write_job(tmp_path, make_job(tmp_path), VIEWS, RENDER, threads=1)
    broken = tmp_path / "200-30-30-roughness.png"
    broken.write_bytes(content or broken.read_bytes()[:-20])
    with pytest.raises(PipelineError) as error:
        draw(path, 300)
    assert f"material red: its roughness map {broken} cannot be read as an image; move it away and run" in str(
        error.value
    )


def test_killed_blender_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(subprocess.Popen):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            assert isinstance(self.stdout, io.BufferedReader)
            self.stdout.peek(1)  # it draws
            self.send_signal(signal.SIGKILL)

    path = write_job(tmp_path, make_job(tmp_path), VIEWS, RENDER, threads=1)
    monkeypatch.setattr(subprocess, "Popen", Killed)
    with pytest.raises(PipelineError, match=r"Blender was killed by SIGKILL .*blender\.log"):
        draw(path, 300)

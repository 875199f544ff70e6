"""Images come from Blender through a pipe: in order, whole, each in time. A script of few lines stands in for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.rendering.blender import draw

SIZE = 256  # such an image does not fit into a pipe's buffer
#: ``send`` writes one image, its first ``share`` alone, every byte of which is ``value``.
CPU = {"kind": "CPU", "id": "", "name": ""}
PRELUDE = f"""
import json, os, sys, time
print("hello from Blender", file=sys.stderr, flush=True)
def send(kind, of, value, share=1.0):
    dtype, channels = ("uint16", 2) if kind == "index" else ("uint8", 1 if kind == "reference" else 3)
    shape = [{SIZE}, {SIZE}] + [3] * (channels == 3)
    arrays = [{{"dtype": dtype, "shape": shape}}]
    header = {{"kind": kind, "of": of, "device": {CPU}, "arrays": arrays}}
    header = json.dumps(header).encode() + b"\\n"
    sys.stdout.buffer.write(header + bytes([value]) * int(share * {SIZE}**2 * channels))
    sys.stdout.buffer.flush()
"""
Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a script in the place of Blender's, and returns a job for it."""

    def write(script: str) -> Path:
        package = tmp_path / "blender_scripts"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "render.py").write_text(PRELUDE + script)
        job = tmp_path / "job.json"
        job.write_text(json.dumps({"settings": {"resolution": SIZE, "device": CPU}}))
        return job

    monkeypatch.setattr("pipeline.processes.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)  # where the scripts leave their marks
    return write


def test_images_arrive_whole_and_in_order(fake: Fake) -> None:
    script = """
for number in range(4):
    send("query", number, 10 + number)
    send("index", number, number)
    if number % 2:
        send("counterfactual", number, 20 + number)
for number in range(3):
    send("reference", number, 30 + number)
"""
    drawn = draw(fake(script), 60)
    for images, values in (
        (drawn.query, [10, 11, 12, 13]),
        (drawn.counterfactual, [21, 23]),
        (drawn.reference, [30, 31, 32]),
        (drawn.index, [257 * value for value in range(4)]),  # both bytes are the value
    ):
        np.testing.assert_array_equal(images.reshape(len(values), -1).min(axis=1), values)
        np.testing.assert_array_equal(images.reshape(len(values), -1).max(axis=1), values)
    assert drawn.counterfactual_of.tolist() == [1, 3]
    assert drawn.query.shape == (4, SIZE, SIZE, 3) and drawn.index.dtype == np.uint16


def test_images_that_were_not_asked_for_are_empty_arrays(fake: Fake) -> None:
    drawn = draw(fake("send('reference', 0, 7)"), 60)
    assert drawn.query.shape == drawn.counterfactual.shape == (0, SIZE, SIZE, 3)
    assert drawn.index.shape == (0, SIZE, SIZE) and drawn.counterfactual_of.shape == (0,)


@pytest.mark.parametrize(
    "last_words",
    ["send('query', 1, 2, share=0.5)", 'sys.stdout.buffer.write(b\'{"kind": "que\'); sys.stdout.buffer.flush()'],
    ids=["in an image", "in a header"],
)
def test_blender_that_dies_amid_an_image_is_an_error_with_its_status_and_log(fake: Fake, last_words: str) -> None:
    job = fake(f"send('query', 0, 1); {last_words}; print('out of memory', file=sys.stderr, flush=True); os._exit(7)")
    with pytest.raises(PipelineError, match=r"(?s)status 7; all it said is in .*blender\.log, last: .*out of memory"):
        draw(job, 60)
    assert job.with_name("blender.log").read_text() == "hello from Blender\nout of memory\n"


def test_killed_blender_is_an_error(fake: Fake) -> None:
    with pytest.raises(PipelineError, match="killed by SIGKILL"):
        draw(fake("send('query', 0, 1); os.kill(os.getpid(), 9)"), 60)


def test_blender_that_hangs_is_stopped_and_the_setting_and_log_named(fake: Fake, tmp_path: Path) -> None:
    script = "open('pid', 'w').write(str(os.getpid())); send('query', 0, 1); send('query', 1, 2, 0.9); time.sleep(600)"
    log = tmp_path / "logs" / "17.txt"
    with pytest.raises(PipelineError) as caught:
        draw(fake(script), 1.5, log)
    message = str(caught.value)
    assert "nothing came for 1.5 s after 1 images" in message
    assert "render.timeout_seconds" in message and str(log) in message and "hello from Blender" in message
    assert log.read_text() == "hello from Blender\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_limit_is_each_images_not_all_of_theirs(fake: Fake) -> None:
    drawn = draw(fake("for number in range(5): send('query', number, 1); time.sleep(0.5)"), 2.0)
    assert len(drawn.query) == 5


def test_the_log_is_gone_when_nothing_went_wrong(fake: Fake, tmp_path: Path) -> None:
    job, log = fake("send('query', 0, 1)"), tmp_path / "logs" / "17.txt"
    draw(job, 60, log)
    assert log.parent.is_dir() and not log.exists()
    draw(job, 60)
    assert not job.with_name("blender.log").exists()

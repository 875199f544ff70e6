"""What is drawn on, with GPUs that are only said to be there."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli.gen import main
from pipeline.config import Config
from pipeline.rendering import devices
from pipeline.rendering.blender import draw
from pipeline.rendering.config import DeviceKind
from pipeline.rendering.devices import CPU, GPU_KINDS, Device, choose, claimed, find_devices
from pipeline.rendering.job import write_job
from pipeline.stages import render as render_stage
from tests.partnet_files import simple_stool
from tests.rendering.test_blender import RENDER, VIEWS, make_job
from tests.small_runs import quick

OPTIX, CUDA, HIP = (Device(kind, f"{kind}_0", "Card") for kind in ("OPTIX", "CUDA", "HIP"))
SECOND = Device("OPTIX", "OPTIX_1", "Card")


@pytest.mark.parametrize(
    ("wanted", "present", "chosen"),
    [
        ("AUTO", (), (CPU,)),
        ("AUTO", (HIP, CUDA, OPTIX, SECOND), (OPTIX, SECOND)),
        ("AUTO", (HIP, CUDA), (CUDA,)),
        ("CPU", (OPTIX,), (CPU,)),
        ("CUDA", (OPTIX, CUDA, SECOND), (CUDA,)),
    ],
)
def test_all_devices_of_the_best_or_the_wanted_kind_are_chosen_without_a_word(
    wanted: DeviceKind, present: tuple[Device, ...], chosen: tuple[Device, ...], caplog: pytest.LogCaptureFixture
) -> None:
    assert choose(wanted, present) == chosen
    assert caplog.messages == []


def test_kinds_are_tried_from_the_fastest() -> None:
    assert GPU_KINDS == ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")
    assert Config().render.device == "AUTO"


def test_a_kind_that_is_asked_for_and_missing_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    assert choose("METAL", (CUDA,)) == (CPU,)
    assert "render.device=METAL, but Blender finds CUDA Card here; drawing on the CPU instead" in caplog.text
    assert choose("METAL", ()) == (CPU,)
    assert "finds no GPU here" in caplog.text


def test_a_claimed_device_is_free_again_when_its_process_is_killed(tmp_path: Path) -> None:
    holder = (
        "import sys, time; from pathlib import Path; from pipeline.rendering.devices import Device, claimed\n"
        "with claimed([Device('OPTIX', 'OPTIX_0')], Path(sys.argv[1])): print('mine', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", holder, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "mine\n"
        with claimed([OPTIX, SECOND], tmp_path) as device:
            assert device == SECOND
        process.send_signal(signal.SIGKILL)
    with claimed([OPTIX, SECOND], tmp_path) as device:
        assert device == OPTIX


def test_who_finds_all_devices_claimed_waits_and_the_cpu_is_everybodys(tmp_path: Path) -> None:
    got = threading.Event()

    def wait() -> None:
        with claimed([OPTIX], tmp_path):
            got.set()

    with claimed([OPTIX], tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not got.wait(0.3)
        with claimed([CPU], tmp_path) as device:
            assert device == CPU
    thread.join(5)
    assert got.is_set()


def test_the_probe_speaks_json_whatever_blender_says() -> None:
    assert isinstance(find_devices(), tuple)


@pytest.mark.parametrize(
    ("script", "said"), [("exit 3", "failed"), ("echo hello", "failed"), ("exec sleep 30", "more than 0.3 s")]
)
def test_a_probe_that_breaks_leaves_the_cpu_and_is_told(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    monkeypatch.setattr(devices, "PROBE_SECONDS", 0.3)
    assert find_devices() == ()
    [message] = caplog.messages
    assert "looking for GPUs" in message and said in message


def test_cycles_is_given_one_device_alone_and_tells_when_it_is_gone() -> None:
    """In a process of its own, to which Cycles shows three cards."""
    script = """
import json, bpy, _cycles
from blender_scripts import devices
cards = [("Card", "OPTIX", "OPTIX_0"), ("Card", "OPTIX", "OPTIX_1"), ("Card", "CUDA", "CUDA_0"), ("Chip", "CPU", "CPU")]
shown = [(*card, False, False, True, False, True) for card in cards]
_cycles.available_devices = lambda kind: tuple(card for card in shown if card[1] in (kind, "CPU"))
scene, wanted = bpy.context.scene, {"kind": "OPTIX", "id": "OPTIX_1", "name": "Card"}
said = [devices.present(), devices.in_use(scene)]
devices.enable(scene, {"kind": "HIP", "id": "HIP_0", "name": "Card"})
said += [devices.in_use(scene)]
devices.enable(scene, wanted)
entries = bpy.context.preferences.addons["cycles"].preferences.devices
said += [devices.in_use(scene), [entry.id for entry in entries if entry.use], scene.cycles.denoising_use_gpu]
del shown[1]
print("\\n" + json.dumps([*said, devices.in_use(scene)]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    present, before, missing, in_use, enabled, denoising, gone = json.loads(done.stdout.splitlines()[-1])
    cpu = {"kind": "CPU", "id": "", "name": ""}
    assert sorted(card["id"] for card in present) == ["CUDA_0", "OPTIX_0", "OPTIX_1"]
    assert (before, missing, gone) == (cpu, cpu, cpu)
    assert in_use == {"kind": "OPTIX", "id": "OPTIX_1", "name": "Card"}
    assert enabled == ["OPTIX_1"] and denoising is True


def test_blender_that_draws_on_the_cpu_instead_of_its_device_is_found_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = []
    for device in (CPU, Device("OPTIX", "OPTIX_7", "Gone")):
        path = write_job(tmp_path, make_job(tmp_path), VIEWS, RENDER, 1, device)
        content = json.loads(path.read_text())
        content["queries"], content["references"] = content["queries"][:1], []
        path.write_text(json.dumps(content))
        drawn.append(draw(path, 60))
        assert bool(caplog.messages) == (device != CPU)
    assert "was to draw on OPTIX Gone, and drew on CPU" in caplog.text
    np.testing.assert_array_equal(drawn[0].query, drawn[1].query)


def test_a_run_draws_on_all_gpus_at_once_says_so_once_and_draws_nothing_again_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for shape_id in ("1", "2"):
        simple_stool(tmp_path / "partnet", shape_id)
    arguments = quick(tmp_path / "out", tmp_path / "partnet", "--jobs", "1")
    monkeypatch.setattr(render_stage, "find_devices", lambda: (OPTIX, SECOND))
    with caplog.at_level(logging.INFO, "pipeline"):
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    said = [message for message in caplog.messages if message.startswith("render: ")]
    assert said == ["render: 2 x OPTIX Card, processes: 2, threads each: 1"]

    def never() -> tuple[Device, ...]:
        raise AssertionError("nothing is to be drawn, so nobody looks for devices")

    monkeypatch.setattr(render_stage, "find_devices", never)
    for setting in ("AUTO", "CPU"):
        result = CliRunner().invoke(main, [*arguments, "--set", f"render.device={setting}"])
        assert result.exit_code == 0, result.output
        assert "render:" not in result.output

"""Training, and looking into data, without what generating needs; and what the other commands say then."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline import extras
from pipeline.errors import PipelineError
from pipeline.format.reader import Shard
from tests.light_commands import REFUSED
from tests.sample_shards import make_shape, write_dataset
from tests.training.synthetic import TINY

ROOT = Path(__file__).resolve().parents[1]
QUERIES = [("normal", 0), ("positional", 0), ("normal", 18), ("missing", 18)]

#: What verify says of shards that no run of l3d-gen has put together.
SOUND = "no problems found; counts were not checked, since no dataset.json tells them"

Ended = namedtuple("Ended", "status out err")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data``, a dataset with eight images to train on; ``tiny.yaml``, two steps of training; and a photograph."""
    folder = tmp_path_factory.mktemp("light")
    shapes = {"train": ["1", "2"], "val": ["3"], "test": ["4"]}
    splits = {split: [make_shape(i, QUERIES, 64) for i in ids] for split, ids in shapes.items()}
    dataset = write_dataset(folder / "data", splits)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY.model_dump(mode="json")))
    with Shard(dataset / "shards/test-00000.h5") as shard:
        image = np.pad(shard.row("queries", "image", 0), ((8, 8), (8, 8), (0, 0)), constant_values=255)
    Image.fromarray(image).save(folder / "photo.png")
    return folder


@pytest.fixture(scope="module")
def ended(folder: Path) -> dict[str, Ended]:
    """How commands end, one after the other, in an interpreter that lacks the packages."""
    commands = {
        "train": "l3d-train data --config tiny.yaml --out run",
        "eval": "l3d-eval run/best.pt data --workers 0 --bootstrap 0",
        "predict": "l3d-predict run/best.pt --reference data#4 --query photo.png --out found",
        "info": "l3d-data info data",
        "verify": "l3d-data verify data",
        "stats": "l3d-data stats data",
        "gallery": "l3d-data gallery data --out report",
        "brokenchairs": "l3d-data export data --layout brokenchairs --out published",
        "coco": "l3d-data export data --layout coco --out coco",
        "webdataset": "l3d-data export data --layout webdataset --out webdataset",
        "import": "l3d-data import published --layout brokenchairs --out imported",
        "verify import": "l3d-data verify imported",
        "help": "l3d-data --help",
        "l3d-gen": "l3d-gen --out new",
        "l3d-data materials": "l3d-data materials --out sheets",
        "l3d-predict --reference chair.glb": "l3d-predict run/best.pt --reference chair.glb --query photo.png",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.light_commands"],
        input=json.dumps([command.split() for command in commands.values()]),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(commands, (Ended(*found) for found in json.loads(done.stdout)), strict=True))


def test_training_needs_no_generation_and_says_once_that_tensorboard_is_missing(
    ended: dict[str, Ended], folder: Path
) -> None:
    assert ended["train"].status == 0, ended["train"]
    lines = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2]
    assert (folder / "run/loss.csv").is_file() and not (folder / "run/tensorboard").exists()
    assert ended["train"].err.count("pip install 'l3d-gen[tensorboard]'") == 1


def test_evaluating_and_predicting_need_no_generation(ended: dict[str, Ended]) -> None:
    assert ended["eval"].status == 0 and "test split, 4 images of 1 shapes" in ended["eval"].out
    assert ended["predict"].status == 0 and "photo.png: " in ended["predict"].out


def test_datasets_are_read_drawn_exported_and_imported_without_generation(
    ended: dict[str, Ended], folder: Path
) -> None:
    assert ended["info"].status == 0 and "test-00000.h5" in ended["info"].out
    assert (ended["verify"].status, ended["verify"].out) == (0, f"data: {SOUND}\n")
    assert ended["stats"].status == 0 and "images per shape" in ended["stats"].out
    assert ended["gallery"].status == 0 and (folder / "report/index.html").is_file()
    for layout in ("brokenchairs", "coco", "webdataset"):
        assert ended[layout].status == 0 and "wrote 16 images" in ended[layout].out
    assert "wrote 16 images of 4 shapes" in ended["import"].out
    assert (ended["verify import"].status, ended["verify import"].out) == (0, f"imported: {SOUND}\n")


@pytest.mark.parametrize("command", ["l3d-gen", "l3d-data materials", "l3d-predict --reference chair.glb"])
def test_commands_that_generate_say_in_one_line_what_to_install(
    ended: dict[str, Ended], folder: Path, command: str
) -> None:
    assert ended[command] == (
        1,
        "",
        f"error: {command} needs bpy, which is not installed: pip install 'l3d-gen[generate]' "
        "(Python 3.11, because Blender 4.5 needs it)\n",
    )
    assert not (folder / "new").exists() and not (folder / "sheets").exists()
    assert "materials" in ended["help"].out


def test_on_another_python_the_way_out_is_blenders_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "GENERATE", ("no_such_package",))
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    with pytest.raises(PipelineError) as caught:
        extras.need_generation("l3d-gen")
    assert str(caught.value) == (
        "l3d-gen needs no_such_package, which is not installed: Blender 4.5 needs Python 3.11 and this is 3.12, so "
        "with Python 3.11: pip install 'l3d-gen[generate]'"
    )


def test_a_fault_inside_what_is_installed_is_not_taken_for_a_missing_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(extras, "GENERATE", ("broken_package",))
    extras.need_generation("l3d-gen")


def test_the_distribution_asks_for_what_the_code_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {
        extra: {re.split(r"[<>=\[]", requirement)[0] for requirement in requirements}
        for extra, requirements in {"": project["dependencies"], **project["optional-dependencies"]}.items()
    }
    assert names["generate"] == {*extras.GENERATE, "numpy"}
    assert names["tensorboard"] == {"tensorboard"}
    assert not names[""] & {*REFUSED}
    assert {"bpy", "pymeshlab", "trimesh", "embreex", "manifold3d", "networkx", "tensorboard"} == {*REFUSED}

"""Shapes whose folders have any names, made in a current folder full of traps: dataset, exports and import hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.data import main as data
from pipeline.cli.gen import main as gen
from pipeline.format.reader import Shard, find_reference, find_shards
from tests.partnet_files import simple_stool
from tests.small_runs import quick

#: The last is as long as a name can be.
NAMES = ("chair_0001", "Chair_0001", "x_anomaly", "a.b #2" + "_" * 49 + "1")
IDS = {"chair~5F0001", "Chair~5F0001", "x~5F~61nomaly", "a~2Eb~20~232" + "~5F" * 49 + "1"}
#: Modules that Blender's start, its probe, joblib's workers and their resource tracker import.
TRAPS = ("materials", "random", "numpy", "signal", "threading", "queue", "json", "pickle", "typing", "bpy", "joblib")


@pytest.fixture(scope="module")
def partnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("names") / "partnet"
    for name in NAMES:
        simple_stool(root, name)
    return root


@pytest.fixture(scope="module")
def out(partnet: Path) -> Path:
    folder, out = partnet.parent / "traps", partnet.parent / "out"
    folder.mkdir()
    for name in TRAPS:
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the current folder')")
    anomalies = ("--set", "plan.types.positional={shapes: 4, images: 4, images_per_shape: [1, 1]}")
    command = [sys.executable, "-P", "-m", "pipeline.cli.gen", *quick(out, partnet, *anomalies, "--jobs", "2")]
    command += ["--set", "split={train: 0.5, val: 0, test: 0.5}", "--set", "views.resolution=64"]
    command += ["--set", "views.reference_views=2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "of the current folder" not in done.stderr
    return out


def call(*arguments: str | Path) -> str:
    result = CliRunner().invoke(data, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def labels(dataset: Path) -> Counter[tuple[str, int]]:
    """(shape, label) of every image."""
    found: Counter[tuple[str, int]] = Counter()
    for path in find_shards(dataset):
        with Shard(path) as shard:
            ids = shard.column("shapes", "id")
            rows = zip(shard.column("queries", "shape_index"), shard.column("queries", "label"), strict=True)
            found.update((ids[row], int(label)) for row, label in rows)
    return found


def test_every_shape_is_in_the_dataset_intact_and_with_an_anomaly(out: Path) -> None:
    assert labels(out) == Counter((i, label) for i in IDS for label in (0, 1))
    assert "no problems found" in call("verify", out)


def test_the_published_layout_holds_it_as_its_loader_reads_it_and_gives_it_back(out: Path, tmp_path: Path) -> None:
    assert "wrote 8 images" in call("export", out, "--layout", "brokenchairs", "--out", tmp_path / "export")
    splits = json.loads((tmp_path / "export" / "split.json").read_text())
    assert {*splits["train"], *splits["test"]} == IDS
    images = [path.name for path in (tmp_path / "export" / "images").rglob("*.png")]
    assert Counter((name.split("_")[1], int("anomaly" in name)) for name in images) == labels(out)
    call("import", tmp_path / "export", "--layout", "brokenchairs", "--out", tmp_path / "back")
    assert labels(tmp_path / "back") == labels(out)
    assert "no problems found" in call("verify", tmp_path / "back")


def test_webdataset_and_coco_tell_the_shapes_apart(out: Path, tmp_path: Path) -> None:
    call("export", out, "--layout", "webdataset", "--out", tmp_path / "tar")
    keys = set()
    for path in (tmp_path / "tar").glob("*-shapes.tar"):
        with tarfile.open(path) as tar:
            keys |= {name.split(".")[0] for name in tar.getnames()}
    assert keys == IDS
    call("export", out, "--layout", "coco", "--out", tmp_path / "coco")
    told = [json.loads(path.read_text()) for path in (tmp_path / "coco" / "annotations").iterdir()]
    assert Counter(image["shape_id"] for content in told for image in content["images"]) == Counter([*IDS] * 2)


def test_a_shape_is_found_by_its_id_and_by_its_folders_name(out: Path, partnet: Path, tmp_path: Path) -> None:
    for name in ("chair_0001", "chair~5F0001"):
        assert find_reference(out, name).id == "chair~5F0001"
    command = quick(tmp_path, partnet, "--stage", "shapes", "--shape", "x_anomaly", "--shape", "Chair~5F0001")
    assert CliRunner().invoke(gen, command).exit_code == 0
    assert {path.stem for path in (tmp_path / "shapes").glob("*.glb")} == {"x~5F~61nomaly", "Chair~5F0001"}


def test_a_name_that_is_too_long_ends_the_run_before_anything_is_made(tmp_path: Path) -> None:
    simple_stool(tmp_path / "partnet", "1")
    simple_stool(tmp_path / "partnet", "é" * 30)
    result = CliRunner().invoke(gen, quick(tmp_path / "out", tmp_path / "partnet"))
    assert result.exit_code == 1
    assert f"shape {'é' * 30!r} has a name too long" in result.output and "give it a shorter one" in result.output
    assert os.listdir(tmp_path) == ["partnet"]  # noqa: PTH208 - names


def test_a_label_that_a_shard_cannot_hold_costs_its_shape_at_the_start(tmp_path: Path) -> None:
    simple_stool(tmp_path / "partnet", "1")
    long = simple_stool(tmp_path / "partnet", "2") / "result_after_merging.json"
    long.write_text(long.read_text().replace('"seat_surface"', f'"{"s" * 300}"'))
    result = CliRunner().invoke(gen, quick(tmp_path / "out", tmp_path / "partnet", "--stage", "shapes"))
    assert result.exit_code == 1
    assert f"lost in shapes: 2: {long}: 'chair/chair_seat/sss" in result.output
    assert "at most 256 UTF-8 bytes" in result.output

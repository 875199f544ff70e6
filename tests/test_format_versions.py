"""Shards of version 1, without meshes, beside those of version 2: everything that reads a dataset takes both."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from pipeline.cli.data import main
from pipeline.exchange.brokenchairs.exporting import export_brokenchairs
from pipeline.exchange.coco import export_coco
from pipeline.exchange.webdataset import export_webdataset
from pipeline.training.data import Sample, ShardDataset
from pipeline.training.index import index_split
from tests.sample_shards import as_version_1, make_shape, write_dataset
from tests.training.synthetic import TINY

KINDS = ("normal", "positional", "missing", "several")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of version 2: two splits of a shape each."""
    shapes = [make_shape(i, [(kind, 20) for kind in KINDS], resolution=64) for i in "78"]
    return write_dataset(tmp_path_factory.mktemp("new"), {"train": shapes[:1], "test": shapes[1:]})


@pytest.fixture(scope="module")
def mixed(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one split of version 1."""
    folder = tmp_path_factory.mktemp("mixed")
    shutil.copytree(new / "shards", folder / "shards")
    as_version_1(folder / "shards" / "train-00000.h5")
    return folder


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("command", ["verify", "stats"])
def test_commands_say_the_same(command: str, new: Path, mixed: Path) -> None:
    assert run(command, mixed).replace(str(mixed), str(new)) == run(command, new)


def test_info_and_the_card_name_the_versions(new: Path, mixed: Path, tmp_path: Path) -> None:
    for folder, versions in ((new, "2"), (mixed, "1 and 2")):
        assert run("info", folder).splitlines()[0] == f"l3d-shard version {versions}"
        run("gallery", folder, "--limit", "1", "--out", tmp_path / versions)
        card = (tmp_path / versions / "DATASET_CARD.md").read_text()
        assert f"format `l3d-shard` version {versions}." in card
        assert ("version 1 lack" in card) == (folder is mixed)


@pytest.mark.parametrize("export", [export_brokenchairs, export_coco, export_webdataset])
def test_exports_hold_the_same_but_for_the_mesh(export: object, new: Path, mixed: Path, tmp_path: Path) -> None:
    for name, folder in (("new", new), ("mixed", mixed)):
        assert export(folder, tmp_path / name) == 2 * len(KINDS)  # type: ignore[operator]
    expected, got = (contents(tmp_path / name) for name in ("new", "mixed"))
    meshes = {name for name in expected if name.startswith("train-00000-shapes.tar/7.mesh_")}
    assert expected.keys() - got.keys() == meshes
    assert got == {name: content for name, content in expected.items() if name not in meshes}


def contents(folder: Path) -> dict[str, bytes]:
    """Of every picture, array and archive member, by name; no JSON, of which some tells the version or the parts."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*") if path.suffix != ".tar"}
    for path in folder.rglob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                stream = tar.extractfile(member)
                assert stream
                found[f"{path.name}/{member.name}"] = stream.read()
    return {name: content for name, content in found.items() if not name.endswith(".json")}


def test_training_sees_the_same(new: Path, mixed: Path) -> None:
    first, second = (ShardDataset(index_split(folder, "train"), TINY, augmented=False) for folder in (new, mixed))
    assert len(first.index) == len(KINDS)
    for item in range(len(KINDS)):
        before, after = first[0, item, item], second[0, item, item]
        assert isinstance(before, Sample) and isinstance(after, Sample)
        torch.testing.assert_close(before.inputs, after.inputs, rtol=0, atol=0)

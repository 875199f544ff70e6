"""The kit for machines with a GPU: what it packs, that damage is named, and a run of seconds on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from benchmarks.gpu import main
from benchmarks.kit import check, decode, encode, trace
from pipeline.errors import PipelineError
from pipeline.format.reader import Shard, find_shards
from pipeline.training.data import ShardDataset
from pipeline.training.index import index_split
from tests.training.box_chairs import write_box_chairs
from tests.training.synthetic import TINY


@pytest.fixture(scope="module")
def kit(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In pieces that hold one shape each."""
    out = tmp_path_factory.mktemp("kit")
    result = CliRunner().invoke(main, ["pack", str(dataset), "--out", str(out), "--piece-bytes", "1000"])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def unpacked(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unpacked")
    result = CliRunner().invoke(main, ["unpack", str(kit), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


def test_it_trains_as_the_dataset_does(unpacked: Path, dataset: Path) -> None:
    assert len(find_shards(unpacked, "train")) == 2
    ours, theirs = (index_split(folder, "train") for folder in (unpacked, dataset))
    assert len(ours) == len(theirs)
    for item in range(len(ours)):
        key = (0, item, item)
        packed, whole = (ShardDataset(index, TINY, augmented=True).sample(key) for index in (ours, theirs))
        assert all(np.array_equal(a, b) for a, b in zip(packed.inputs.views, whole.inputs.views, strict=True))
        assert np.array_equal(packed.inputs.image, whole.inputs.image)
        assert all(np.array_equal(a, b) for a, b in zip(packed[1:], whole[1:], strict=True))


def test_depth_and_part_ids_of_views_are_traced_again(tmp_path: Path) -> None:
    folder = write_box_chairs(tmp_path, {"train": (1, 2)})
    with Shard(find_shards(folder)[0]) as shard:
        chair = shard.shape(0)
    bare = decode(encode(chair))
    assert not bare.depth.any() and not bare.part_ids.any()
    again = trace(bare)
    assert chair.part_ids.any() and np.array_equal(again.part_ids, chair.part_ids)
    np.testing.assert_allclose(again.depth, chair.depth, atol=1e-5)


def test_a_piece_that_is_cut_off_or_missing_is_named(kit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kit"
    folder.mkdir()
    with pytest.raises(PipelineError, match="is no kit"):
        check(folder)
    for path in kit.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    check(folder)
    cut = folder / "val-00000.zip"
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(PipelineError, match=r"val-00000\.zip is not whole"):
        check(folder)
    cut.unlink()
    with pytest.raises(PipelineError, match=r"val-00000\.zip is missing"):
        check(folder)


def test_a_run_checks_measures_trains_and_evaluates(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY.model_dump(mode="json")))
    settings = [
        "--config",
        str(tmp_path / "tiny.yaml"),
        "--batch",
        "2",
        "--device",
        "cpu",
        "--no-compile",
        "--model",
        "a",
    ]
    result = CliRunner().invoke(main, ["run", str(kit), "--out", str(tmp_path / "out"), "--minutes", "1", *settings])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert found["agreement"]["agrees"] and found["agreement"]["gradient"] == 0.0  # the CPU with itself
    assert found["speed"][0]["model"] == "a" and found["speed"][0]["images_per_second"] > 0
    assert found["training"]["samples"] > 0 and 0 <= found["training"]["test"]["accuracy"] <= 1

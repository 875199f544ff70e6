"""COCO's JSON tells boxes and masks as its reader decodes them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from pipeline.anomalies.anomaly import LABELS
from pipeline.errors import PipelineError
from pipeline.shards.coco import export_coco, run_lengths
from pipeline.shards.schema import ShapeRecord


def decode(rle: dict) -> np.ndarray:
    """Brute force: columns one after the other, runs of zeros and ones in turn."""
    flat = [number % 2 * 255 for number, run in enumerate(rle["counts"]) for _ in range(run)]
    return np.array(flat, dtype=np.uint8).reshape(rle["size"], order="F")


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.sampled_from([0, 255])))
def test_masks_come_back_from_their_runs(mask: np.ndarray) -> None:
    runs = run_lengths(mask)
    assert np.array_equal(decode(runs), mask)
    assert all(runs["counts"][1:]), "only the first run may be empty"


def test_runs_by_hand() -> None:
    assert run_lengths(np.array([[0, 255], [255, 255]], dtype=np.uint8)) == {"size": [2, 2], "counts": [1, 3]}
    assert run_lengths(np.array([[255, 0]], dtype=np.uint8)) == {"size": [1, 2], "counts": [0, 1, 1]}


def test_each_split_has_its_images_and_one_annotation_an_anomaly(
    dataset: Path, tmp_path: Path, shape: ShapeRecord
) -> None:
    out = tmp_path / "coco"
    assert export_coco(dataset, out) == len(LABELS) + 1
    content = json.loads((out / "annotations/train.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert list(names.values()) == [name for name in LABELS if name not in ("normal", "several")]
    assert [image["id"] for image in content["images"]] == list(range(1, len(LABELS) + 1))
    found = iter(content["annotations"])
    for image, query in zip(content["images"], shape.queries, strict=True):
        assert (image["file_name"], image["width"], image["height"]) == (f"{query.name}.png", 32, 32)
        assert image["shape_id"] == "7"
        assert np.array_equal(Image.open(out / "images/train" / image["file_name"]), query.image)
        for anomaly in query.anomalies:
            told = next(found)
            assert (told["image_id"], names[told["category_id"]]) == (image["id"], anomaly.type_name)
            assert (told["bbox"], told["part_label"], told["iscrowd"]) == (anomaly.bbox.tolist(), anomaly.part_label, 0)
            assert np.array_equal(decode(told["segmentation"]), anomaly.region)
            assert told["area"] == (anomaly.region > 0).sum()
    assert next(found, None) is None
    assert len({told["id"] for told in content["annotations"]}) == len(content["annotations"]) == len(LABELS)
    test = json.loads((out / "annotations/test.json").read_text())
    assert (len(test["images"]), test["annotations"]) == (1, [])


def test_a_repeated_export_writes_only_what_is_missing(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "coco"
    export_coco(dataset, out)
    whole = {path: path.read_bytes() for path in out.rglob("*.*")}
    lost, kept = sorted((out / "images/train").iterdir())[:2]
    lost.unlink()
    written = kept.stat().st_mtime_ns
    export_coco(dataset, out)
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == whole
    assert kept.stat().st_mtime_ns == written


def test_shards_of_other_types_are_refused(dataset: Path, tmp_path: Path) -> None:
    with h5py.File(dataset / "shards/test-00000.h5", "r+") as file:
        file["queries/anomaly_type"].attrs["names"] = ["normal", "rusty"]
    with pytest.raises(PipelineError, match=r"train-00000\.h5 and .*test-00000\.h5 name other anomaly types"):
        export_coco(dataset, tmp_path / "coco")

"""COCO's JSON tells boxes and masks as its reader decodes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.exchange.coco import export_coco, run_lengths
from pipeline.format.labels import LABELS
from pipeline.format.schema import ShapeRecord
from pipeline.format.writer import write_shard
from tests.pictures import pixels_of
from tests.sample_shards import make_shape, write_dataset


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
    assert list(names.items()) == list(enumerate((n for n in LABELS if n not in ("normal", "several")), 1))
    assert [image["id"] for image in content["images"]] == list(range(1, len(LABELS) + 1))
    found = iter(content["annotations"])
    for image, query in zip(content["images"], shape.queries, strict=True):
        assert (image["file_name"], image["width"], image["height"]) == (f"{query.name}.png", 32, 32)
        assert image["shape_id"] == "7"
        assert np.array_equal(pixels_of(out / "images/train" / image["file_name"]), query.image)
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


def written(dataset: Path, out: Path) -> dict[str, Any]:
    """The JSON of every split."""
    export_coco(dataset, out)
    return {path.stem: json.loads(path.read_text()) for path in (out / "annotations").iterdir()}


def test_categories_are_those_in_use_and_count_without_gaps(tmp_path: Path) -> None:
    train, test = (make_shape(i, [("normal", 0), (kind, 0)]) for i, kind in (("1", "missing"), ("2", "rotational")))
    told = written(write_dataset(tmp_path / "data", {"train": [train], "test": [test]}), tmp_path / "coco")
    for split, category in (("train", 2), ("test", 1)):
        listed = [(entry["id"], entry["name"]) for entry in told[split]["categories"]]
        assert listed == [(1, "rotational"), (2, "missing")], "alike in all splits"
        assert [annotation["category_id"] for annotation in told[split]["annotations"]] == [category]


def test_files_say_what_they_are_and_on_what_terms(tmp_path: Path) -> None:
    """pycocotools 2.0.9 and 2.0.10 copy ``info`` into what they load of results."""
    shape = make_shape("1", [("missing", 0)])
    for source, licence in (
        ("synthetic:3", "Apache-2.0"),
        ("partnet:/data", "terms of the sources that the images show"),
    ):
        place = tmp_path / source[:3]
        write_shard(place / "train-00000.h5", "train", json.dumps({"source": source}), "", [shape], 4)
        told = written(place, place / "coco")["train"]
        assert "l3d-shard" in told["info"]["description"] and told["info"]["version"] == "2"
        assert told["licenses"] == [{"id": 1, "name": licence, "url": ""}]


def test_coco_tools_load_it_and_score_it_as_perfect(dataset: Path, tmp_path: Path) -> None:
    coco, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    export_coco(dataset, tmp_path / "coco")
    truth = coco.COCO(str(tmp_path / "coco/annotations/train.json"))
    found = [{key: a[key] for key in ("image_id", "category_id", "bbox")} | {"score": 1.0} for a in truth.anns.values()]
    judged = evaluation.COCOeval(truth, truth.loadRes(found), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    assert judged.stats[0] == 1.0


def test_types_that_only_some_shards_know_are_numbered_together(dataset: Path, tmp_path: Path) -> None:
    with h5py.File(dataset / "shards/train-00000.h5", "r+") as file:
        for group in ("queries", "anomalies"):
            names = file[f"{group}/anomaly_type"].attrs["names"]
            file[f"{group}/anomaly_type"].attrs["names"] = ["rusty" if name == "missing" else name for name in names]
    listed = [entry["name"] for entry in written(dataset, tmp_path / "coco")["test"]["categories"]]
    assert "rusty" in listed and "missing" not in listed and len(listed) == len(set(listed)) == len(LABELS) - 2

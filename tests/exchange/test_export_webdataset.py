"""Samples in tar files, grouped as WebDataset's reader groups them."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.exchange.webdataset import VIEW_ARRAYS, export_webdataset
from pipeline.format.labels import LABELS
from pipeline.format.schema import ShapeRecord


def samples(path: Path) -> dict[str, dict[str, bytes]]:
    """Files by key and extension: a key ends at the first dot, and its files follow each other."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    last = ""
    with tarfile.open(path) as tar:
        for member in tar:
            key, extension = member.name.split(".", 1)
            assert key == last or key not in found
            last = key
            found[key][extension] = tar.extractfile(member).read()  # type: ignore[union-attr]
    return dict(found)


def picture(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)))


def test_queries_have_image_masks_and_description(dataset: Path, tmp_path: Path, shape: ShapeRecord) -> None:
    assert export_webdataset(dataset, tmp_path / "web") == len(LABELS) + 1
    found = samples(tmp_path / "web/train-00000.tar")
    assert list(found) == [query.name.replace(".", "-") for query in shape.queries]
    for sample, query in zip(found.values(), shape.queries, strict=True):
        assert np.array_equal(picture(sample["png"]), query.image)
        for name in ("mask_new", "mask_old", "object_mask", "object_mask_normal"):
            assert np.array_equal(picture(sample[f"{name}.png"]), getattr(query, name))
        told = json.loads(sample["json"])
        assert (told["name"], told["shape_id"], told["label"]) == (query.name, "7", query.label)
        assert (told["anomaly_type"], told["bbox"]) == (query.type_name, query.bbox.tolist())
        assert [own["anomaly_type"] for own in told["anomalies"]] == [own.type_name for own in query.anomalies]
        assert np.array_equal(np.array(told["K"], np.float32), query.K)
        assert np.array_equal(np.array(told["world_to_camera"], np.float32), query.world_to_camera)
        assert (told["azimuth"], told["texture"]) == (query.azimuth, query.texture)


def test_shapes_have_views_and_arrays(dataset: Path, tmp_path: Path, shape: ShapeRecord) -> None:
    export_webdataset(dataset, tmp_path / "web")
    [(key, sample)] = samples(tmp_path / "web/train-00000-shapes.tar").items()
    assert key == "7"
    assert shape.mesh
    parts = {str(part_id): label for part_id, label in shape.mesh.labels.items()}
    assert json.loads(sample["json"]) == {"id": "7", "model_id": "model-7", "category": "Chair", "parts": parts}
    for name in ("vertices", "faces", "part_ids"):
        stored = np.load(io.BytesIO(sample[f"mesh_{name}.npy"]), allow_pickle=False)
        assert np.array_equal(stored, getattr(shape.mesh, name))
    for view in range(4):
        assert np.array_equal(picture(sample[f"view{view:03d}.png"]), shape.image[view])
    for name in VIEW_ARRAYS:
        stored = np.load(io.BytesIO(sample[f"{name}.npy"]), allow_pickle=False)
        assert np.array_equal(stored, getattr(shape, name))


def test_the_bytes_are_the_same_at_another_time(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_webdataset(dataset, tmp_path / "now")
    moment = time.time() + 12345
    monkeypatch.setattr(time, "time", lambda: moment)
    export_webdataset(dataset, tmp_path / "later")
    names = sorted(path.name for path in (tmp_path / "now").glob("*.tar"))
    assert names == [f"{split}-00000{kind}.tar" for split in ("test", "train") for kind in ("-shapes", "")]
    for name in names:
        assert (tmp_path / "now" / name).read_bytes() == (tmp_path / "later" / name).read_bytes()


def test_an_export_goes_on_and_refuses_foreign_folders(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "web"
    export_webdataset(dataset, out)
    lost, kept = out / "train-00000.tar", out / "test-00000.tar"
    whole, written = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    export_webdataset(dataset, out)
    assert (lost.read_bytes(), kept.stat().st_mtime_ns) == (whole, written)
    with pytest.raises(PipelineError, match="is not empty"):
        export_webdataset(dataset, dataset)

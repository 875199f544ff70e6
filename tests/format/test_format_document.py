"""docs/format.md tells the truth: it names every dataset, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pipeline.format import schema
from pipeline.format.labels import LABELS
from pipeline.format.reader import Shard
from pipeline.format.schema import ShapeRecord
from pipeline.format.views_file import write_views

DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("group", list(schema.GROUPS))
def test_the_tables_name_exactly_the_datasets_with_their_dtypes(group: str) -> None:
    section = DOCUMENT.split(f"### `{group}/`")[1].split("\n##")[0]
    documented = {}
    for row in re.findall(r"^\| (`.*?) \| (\w+) \|", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", row[0]):
            documented[name] = row[1]
    columns = schema.GROUPS[group]
    assert documented == {n: c.dtype if c.dtype == schema.TEXT else str(np.dtype(c.dtype)) for n, c in columns.items()}


def test_the_example_reads_a_row(dataset: Path, shape: ShapeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    code = CODE[0]
    monkeypatch.chdir(dataset)
    names: dict[str, Any] = {}
    exec(code, names)
    query = shape.queries[0]
    assert (names["name"], names["label"], names["kind"]) == (query.name, 0, "normal")
    assert np.array_equal(names["image"], query.image)
    assert np.array_equal(names["views"], shape.image)
    assert names["masks"].shape == (0, 32, 32)
    names = {}
    exec(code.replace("row = 0", f"row = {LABELS.index('several')}"), names)
    anomalies = shape.queries[LABELS.index("several")].anomalies
    assert names["kind"] == "several"
    assert np.array_equal(names["masks"], [anomaly.mask_new for anomaly in anomalies])
    assert np.array_equal(names["boxes"], [anomaly.bbox for anomaly in anomalies])


def test_three_lines_read_a_mesh(dataset: Path) -> None:
    code = CODE[1]
    assert code.count("\n") == 3
    path = dataset / "shards" / "train-00000.h5"
    with h5py.File(path) as file:
        names = {"file": file, "shapes": file["shapes"], "row": 0}
        exec(code, names)
    with Shard(path) as shard:
        mesh = shard.mesh(0)
    for name in ("vertices", "faces", "part_ids"):
        assert np.array_equal(names[name], getattr(mesh, name))


def test_the_meshs_page_reads_a_file_of_views(tmp_path: Path, shape: ShapeRecord) -> None:
    write_views(tmp_path / "DIR" / "views.h5", shape, "{}", 4)
    names: dict[str, Any] = {}
    exec(CODE[2].replace("DIR", str(tmp_path / "DIR")), names)
    assert np.array_equal(names["views"].image, shape.image)

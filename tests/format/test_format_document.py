"""docs/format.md tells the truth: it names every dataset, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.format import schema
from pipeline.format.labels import LABELS
from pipeline.format.schema import ShapeRecord

DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", ["queries", "anomalies", "shapes"])
def test_the_tables_name_exactly_the_datasets_with_their_dtypes(group: str) -> None:
    section = DOCUMENT.split(f"### `{group}/`")[1].split("\n##")[0]
    documented = {}
    for row in re.findall(r"^\| (`.*?) \| (\w+) \|", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", row[0]):
            documented[name] = row[1]
    columns = schema.GROUPS[group]
    assert documented == {n: c.dtype if c.dtype == schema.TEXT else str(np.dtype(c.dtype)) for n, c in columns.items()}


def test_the_example_reads_a_row(dataset: Path, shape: ShapeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert code
    monkeypatch.chdir(dataset)
    names: dict[str, Any] = {}
    exec(code[1], names)
    query = shape.queries[0]
    assert (names["name"], names["label"], names["kind"]) == (query.name, 0, "normal")
    assert np.array_equal(names["image"], query.image)
    assert np.array_equal(names["views"], shape.image)
    assert names["masks"].shape == (0, 32, 32)
    names = {}
    exec(code[1].replace("row = 0", f"row = {LABELS.index('several')}"), names)
    anomalies = shape.queries[LABELS.index("several")].anomalies
    assert names["kind"] == "several"
    assert np.array_equal(names["masks"], [anomaly.mask_new for anomaly in anomalies])
    assert np.array_equal(names["boxes"], [anomaly.bbox for anomaly in anomalies])

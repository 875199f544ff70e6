"""The example of ``docs/adding_a_type.md``, run as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.anomalies import kind
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.generate import make_anomaly
from pipeline.format.labels import ANOMALY_TYPES
from tests.anomalies.toy_chairs import catalogue, chair, targets

DOCUMENT = (Path(__file__).parents[2] / "docs" / "adding_a_type.md").read_text(encoding="utf-8")


def test_one_module_and_one_line_add_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("pipeline.anomalies.types.mirrored")
    code = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert code is not None
    exec(code[1], module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(kind, "ANOMALY_TYPES", (*ANOMALY_TYPES, "mirrored"))
    shape = chair("own")
    arm = [node for node in targets(shape) if node.part_ids == (7, 8)]  # the boxes themselves are symmetric
    anomaly = make_anomaly(shape, 0, "mirrored", arm, catalogue(shape), AnomaliesConfig(), 0)
    assert anomaly.proof["mean_distance"] > 0
    assert all(mesh is not None and mesh.volume > 0 for mesh in anomaly.replaced.values())

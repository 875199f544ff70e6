"""The examples of ``docs/adding.md``, run as they stand there: each thing is added in one place."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from pipeline import run, stages
from pipeline.config import Config
from pipeline.engine.workers import Effort
from pipeline.exchange import layouts
from pipeline.format.labels import PAPER_TYPES
from pipeline.run import open_run
from pipeline.settings.loading import load
from pipeline.shapes import sources
from tests.sample_fixtures import dataset, shape
from tests.small_runs import SETTINGS

__all__ = ["dataset", "shape"]

DOCUMENT = (Path(__file__).parents[1] / "docs" / "adding.md").read_text(encoding="utf-8")


def example(title: str, name: str) -> ModuleType:
    """The first code block under a title, as a module."""
    code = re.search(rf"## {title}\n.*?```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert code is not None
    module = ModuleType(name)
    exec(compile(code[1], title, "exec", dont_inherit=True), module.__dict__)
    return module


def test_a_source_and_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = example("A source of shapes", "boxes").KIND
    stage = example("A stage", "thumbnails").STAGE
    monkeypatch.setattr(sources, "SOURCES", {**sources.SOURCES, "boxes": kind})
    monkeypatch.setattr(run, "STAGES", (*stages.STAGES, stage))
    monkeypatch.setattr(run, "NAMES", (*stages.NAMES, stage.name))
    config = load(Config, None, [*SETTINGS, "source=boxes:2", "shapes.category=null"])
    assert set(config.plan.types) == set(PAPER_TYPES)
    summary = open_run(config, tmp_path, Effort(), lambda *_: None).execute(run.NAMES)
    assert summary.lost == []
    pictures = sorted((tmp_path / "thumbnails").glob("*.png"))
    assert [path.stem for path in pictures] == ["stack0", "stack1"]
    assert all(Image.open(path).size == (32, 32) for path in pictures)
    pictures[0].unlink()
    again = open_run(config, tmp_path, Effort(), lambda *_: None).execute(run.NAMES)
    assert {s.stage: s.worked for s in again.stages if s.worked} == {"thumbnails": 1}


def test_an_export(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = example("An export", "csv_table").export_csv
    monkeypatch.setattr(layouts, "EXPORTS", {**layouts.EXPORTS, "csv": export})
    count = layouts.EXPORTS["csv"](dataset, tmp_path / "table")
    rows = list(csv.DictReader((tmp_path / "table" / "images.csv").open()))
    assert len(rows) == count > 2
    assert {row["split"] for row in rows} == {"train", "test"}
    broken = [row for row in rows if row["type"] == "broken"]
    assert broken and all(float(row["width"]) > 0 for row in broken)

"""What making a shape's anomalies reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.engine.workers import Effort
from pipeline.format.labels import PAPER_TYPES
from pipeline.layout import Layout
from pipeline.planning.plan import donor_shapes
from pipeline.run import PLANNING, open_run
from pipeline.settings.loading import load
from pipeline.shapes.shape import Shape
from pipeline.shapes.storage import load_shape
from pipeline.stages import making
from pipeline.stages.plan import read_first_plan
from pipeline.stages.shapes import Summary, read_summary

SETTINGS = (
    "source=synthetic:3",
    "split={train: 1, val: 0, test: 0}",
    *(f"plan.types.{name}.images=0" for name in PAPER_TYPES if name not in ("missing", "swapped")),
    "plan.types.missing={shapes: 1, images: 1}",
    "plan.types.swapped={shapes: 0.34, images: 0.34}",
    "views.resolution=32",
)


def test_other_shapes_are_read_only_where_a_swap_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()

    def noting_shape(path: Path) -> Shape:
        read.add(path.stem)
        return load_shape(path)

    def noting_summary(layout: Layout, shape_id: str) -> Summary:
        read.add(shape_id)
        return read_summary(layout, shape_id)

    monkeypatch.setattr(making, "load_shape", noting_shape)
    monkeypatch.setattr(making, "read_summary", noting_summary)
    with open_run(load(Config, "default", SETTINGS), tmp_path, Effort(), lambda _: None) as run:
        run.execute(PLANNING)
        plans = read_first_plan(run.context.layout).shapes
        swapping = 0
        for shape_id, plan in plans.items():
            read.clear()
            making.make("anomalies", plan, shape_id, run.context)
            swaps = [anomaly for anomaly in plan.anomalies if anomaly.type == "swapped"]
            assert donor_shapes(plan) == tuple(sorted({i for swap in swaps for i in swap.donors}))
            assert read == {shape_id, *donor_shapes(plan)}
            swapping += bool(swaps)
    assert 0 < swapping < len(plans)

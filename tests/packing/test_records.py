"""From selected views to a shard that verification finds sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.anomalies.anomaly import Anomaly
from pipeline.format.reader import Shard
from pipeline.format.schema import QueryRecord, ShapeRecord
from pipeline.format.verification import verify
from pipeline.packing.records import shape_record
from pipeline.rendering.blender import Drawn
from pipeline.views.config import CameraVariety, ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View, ViewSelector
from tests.sample_shards import write_dataset
from tests.scenes import knob_missing, knob_moved, left_knob, three_cubes

CONFIG = ViewsConfig(resolution=64, surface_points=40, reference_views=3, variety=CameraVariety(radius=(2.5, 3.0)))
MISSING, MOVED, LEFT = knob_missing(), knob_moved(0.25), left_knob(-0.7)
VARIANTS: tuple[tuple[Anomaly, ...], ...] = ((), (MISSING,), (MOVED,), (MOVED, LEFT), (LEFT, MISSING))


@pytest.fixture(scope="module")
def views() -> tuple[View, ...]:
    return ViewSelector(three_cubes(), CONFIG, 0).select([(variant, 2) for variant in VARIANTS]).views


@pytest.fixture(scope="module")
def record(views: tuple[View, ...]) -> ShapeRecord:
    colours = np.random.default_rng(0).integers(0, 256, (len(views), 64, 64, 3), dtype=np.uint8)
    drawn = Drawn(
        query=colours,
        index=np.stack([view.image.part_ids for view in views]),
        reference=colours[:3, :, :, 0].copy(),
        counterfactual=colours[:0],
        counterfactual_of=np.zeros(0, dtype=np.int64),
    )
    reference = make_reference_views(three_cubes(), CONFIG, 0)
    accepted = {view.name for view in views[1:]}  # the first image was refused
    return shape_record(three_cubes(), [MISSING, MOVED, LEFT], views, reference, drawn, accepted)


def of_type(record: ShapeRecord, name: str) -> list[QueryRecord]:
    return [query for query in record.queries if query.type_name == name]


def test_accepted_views_become_sound_queries(record: ShapeRecord, tmp_path: Path) -> None:
    assert [query.type_name for query in record.queries] == [
        "normal", "missing", "missing", "positional", "positional", *["several"] * 4,
    ]  # fmt: skip
    dataset = write_dataset(tmp_path, {"val": [record]})
    assert verify(dataset) == []
    with Shard(dataset / "shards" / "val-00000.h5") as shard:
        assert shard.column("anomalies", "query_index").tolist() == [1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8]
        assert [a.type_name for a in shard.query(8).anomalies] == ["swapped", "missing"]


def test_of_one_anomaly_the_query_holds_its_own_numbers(record: ShapeRecord, views: tuple[View, ...]) -> None:
    for query, view in zip(of_type(record, "positional"), views[4:6], strict=True):
        [mark] = view.marks
        assert query.part_label == "thing/knob"
        assert tuple(query.bbox) == mark.bbox
        np.testing.assert_array_equal(query.mask_new, mark.new)
        np.testing.assert_array_equal(query.mask_old, mark.old)


def test_a_query_holds_its_own_camera(record: ShapeRecord, views: tuple[View, ...]) -> None:
    assert len({query.radius for query in record.queries}) > 4
    for query, view in zip(record.queries, views[1:], strict=True):
        assert query.radius == view.radius == pytest.approx(np.linalg.norm(view.camera.centre))
        assert query.name.split("_")[3] == f"{query.radius:g}"
        np.testing.assert_array_equal(query.K, view.camera.K.astype(np.float32))


def test_of_several_anomalies_the_query_holds_unions(record: ShapeRecord, views: tuple[View, ...]) -> None:
    for query, view in zip(of_type(record, "several"), views[6:], strict=True):
        assert query.part_label == "thing/knob; thing/knob"
        for name in ("new", "old"):
            both = [getattr(mark, name) > 0 for mark in view.marks]
            assert not (both[0] & both[1]).any()
            np.testing.assert_array_equal(getattr(query, f"mask_{name}") > 0, both[0] | both[1])
        knobs = np.isin(query.part_ids, (2, 3))
        np.testing.assert_array_equal(query.mask_new > 0, knobs)

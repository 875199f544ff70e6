from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.anomalies.config import AnomaliesConfig, PositionalConfig
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.kind import Kind, find_kind
from pipeline.anomalies.storage import load_anomaly, save_anomaly
from pipeline.anomalies.targets.donors import Donors
from pipeline.errors import PipelineError, UnitRejected
from pipeline.format.labels import ANOMALY_TYPES, PAPER_TYPES
from tests.anomalies.toy_chairs import assemble, box, catalogue, chair, targets

CONFIG = AnomaliesConfig()
SHAPE = chair("own")
DONORS = catalogue(SHAPE, chair("other", leg=0.14, back=0.3), chair("third", leg=0.05, back=0.8))


def _assert_same(first: Anomaly, second: Anomaly) -> None:
    assert (first.index, first.type, first.target, first.target_label) == (
        second.index,
        second.type,
        second.target,
        second.target_label,
    )
    assert first.parameters == second.parameters
    assert first.surface == second.surface
    assert first.proof == second.proof
    assert set(first.replaced) == set(second.replaced)
    for part_id, mesh in first.replaced.items():
        other = second.replaced[part_id]
        if mesh is None or other is None:
            assert mesh is other
        else:
            assert np.array_equal(mesh.vertices, other.vertices)
            assert np.array_equal(mesh.faces, other.faces)


@pytest.mark.parametrize("anomaly_type", ANOMALY_TYPES)
def test_every_registered_type_is_found(anomaly_type: str) -> None:
    assert isinstance(find_kind(anomaly_type), Kind)


def test_the_papers_types_come_first() -> None:
    assert ANOMALY_TYPES[: len(PAPER_TYPES)] == PAPER_TYPES


def make(
    index: int, anomaly_type: str, seed: int, donors: Donors = DONORS, config: AnomaliesConfig = CONFIG
) -> Anomaly:
    return make_anomaly(SHAPE, index, anomaly_type, targets(SHAPE, anomaly_type)[2:], donors, config, seed)


@pytest.mark.parametrize("anomaly_type", ANOMALY_TYPES)
def test_only_the_target_changes(anomaly_type: str) -> None:
    anomaly = make(0, anomaly_type, 0)
    assert set(anomaly.replaced) == (set() if anomaly.surface else set(anomaly.target))
    left = dict(part_meshes(SHAPE, [anomaly]))
    for part in SHAPE.parts:
        if part.part_id not in anomaly.replaced:
            assert left[part.part_id] is part.mesh
    assert anomaly.proof["exposed_share"] >= CONFIG.min_exposed_share
    assert 1 <= anomaly.proof["attempts"] <= CONFIG.attempts


def test_missing_removes_exactly_the_target() -> None:
    anomaly = make(3, "missing", 0)
    assert all(mesh is None for mesh in anomaly.replaced.values())
    assert {i for i, _ in part_meshes(SHAPE, [anomaly])} == set(range(1, 11)) - set(anomaly.target)
    assert anomaly.proof["gone_share"] == 1.0
    assert anomaly.proof["mean_distance"] is None


@pytest.mark.parametrize("anomaly_type", ANOMALY_TYPES)
def test_same_seed_gives_the_same_anomaly_whatever_was_made_before(anomaly_type: str) -> None:
    first = make(1, anomaly_type, 7)
    make(0, "broken", 3)
    _assert_same(first, make(1, anomaly_type, 7))


def test_seed_and_index_each_give_another_anomaly() -> None:
    drawn = [make(index, "positional", seed).parameters["translation"] for index, seed in ((0, 0), (1, 0), (0, 1))]
    assert len({tuple(t) for t in drawn}) == 3


@pytest.mark.parametrize("anomaly_type", ["broken", "missing", "swapped", "stained"])
def test_stored_anomaly_is_read_back_exactly(anomaly_type: str, tmp_path: Path) -> None:
    anomaly = make(2, anomaly_type, 0)
    save_anomaly(tmp_path, anomaly)
    _assert_same(anomaly, load_anomaly(tmp_path, anomaly.name))
    files = {path.name for path in tmp_path.iterdir()}
    expected = {f"2_{anomaly_type}.json"} | (
        {f"2_{anomaly_type}.glb"} if anomaly_type in ("broken", "swapped") else set()
    )
    assert files == expected


def test_same_anomaly_is_stored_as_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        save_anomaly(tmp_path / folder, make(0, "broken", 0))
    for suffix in ("glb", "json"):
        first, second = (tmp_path / folder / f"0_broken.{suffix}" for folder in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_foreign_json_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "0_broken.json").write_text("{}")
    with pytest.raises(PipelineError, match=r"0_broken\.json"):
        load_anomaly(tmp_path, "0_broken")


def test_hopeless_draws_are_rejected_with_their_commonest_reason() -> None:
    config = AnomaliesConfig(attempts=4, positional=PositionalConfig(distance=(1.5, 2.0)), max_sink=5.0)
    with pytest.raises(UnitRejected, match="shape own, positional: 24 draws failed") as rejection:
        make(0, "positional", 0, config=config)
    assert rejection.value.reason == "floating"


def test_twins_all_around_are_rejected_as_unchanged() -> None:
    with pytest.raises(UnitRejected) as rejection:
        make(0, "swapped", 0, donors=catalogue(SHAPE, chair("twin")))
    assert rejection.value.reason == "unchanged"


def test_shape_without_a_part_of_fitting_size_has_no_candidate() -> None:
    one = assemble("one", [("x/a", (0, 1), box((1, 1, 1), (0, 0, 0))), ("x/b", (0, 2), box((0.01,) * 3, (0, 1, 0)))])
    with pytest.raises(UnitRejected) as rejection:
        make_anomaly(one, 0, "missing", targets(one), DONORS, CONFIG, 0)
    assert rejection.value.reason == "no-candidate"


def test_unknown_type_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(PipelineError, match=r"melted.*positional"):
        make(0, "melted", 0)

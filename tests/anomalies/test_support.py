from __future__ import annotations

import numpy as np
import pytest

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.proving.proof import Proof, measure
from pipeline.anomalies.proving.support import find_pieces
from pipeline.anomalies.types.missing import accept
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, flatten, make_mesh
from tests.anomalies.toy_chairs import BACK, SEAT, assemble, box, chair, task

COLUMN = "chair/chair_base/pedestal_base/central_support"
FOOT = "chair/chair_base/pedestal_base/pedestal"


def _without(shape: Shape, *part_ids: int) -> Proof:
    return measure(task(shape, *part_ids), dict.fromkeys(part_ids), rng(0))


def _stool() -> Shape:
    """Seat (1) on a column (2) on a foot (3), and a lamp (4) that hangs beside them in the air."""
    parts = [
        (SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))),
        (COLUMN, (0, 2), box((0.1, 0.8, 0.1), (0, 0, 0))),
        (FOOT, (0, 3), box((0.6, 0.1, 0.6), (0, -0.45, 0))),
        ("chair/lamp", (0, 4), box((0.1, 0.1, 0.1), (0.6, 0, 0))),
    ]
    return assemble("stool", parts)


def _area(shape: Shape, *part_ids: int) -> float:
    return float(sum(shape.part(i).mesh.area for i in part_ids))


def test_seat_above_a_foot_without_a_column_hangs() -> None:
    shape = _stool()
    proof = _without(shape, 2)
    assert proof.hanging_after == pytest.approx(_area(shape, 1) / _area(shape, 1, 3, 4), rel=1e-6)
    with pytest.raises(UnitRejected) as rejection:
        accept(proof, AnomaliesConfig())
    assert rejection.value.reason == "hanging"


def test_what_hung_before_does_not_count() -> None:
    shape = _stool()
    proof = _without(shape, 1)
    assert proof.hanging_before == pytest.approx(_area(shape, 4) / _area(shape, 1, 2, 3, 4), rel=1e-6)
    assert proof.hanging_after == 0


def test_back_hovers_without_its_seat_and_legs_stand_alone() -> None:
    shape = chair()
    armless = Shape("armless", "", "Chair", shape.parts[:6])
    proof = _without(armless, 1)
    assert proof.hanging_after == pytest.approx(_area(shape, 2) / _area(shape, 2, 3, 4, 5, 6), rel=1e-6)


@pytest.mark.parametrize("gone", [(3,), (3, 4, 5, 6), (2,), (7, 8)])
def test_chair_without_a_leg_all_legs_its_back_or_an_arm_hangs_nowhere(gone: tuple[int, ...]) -> None:
    proof = _without(chair(), *gone)
    assert proof.hanging_before == 0
    assert proof.hanging_after == 0
    accept(proof, AnomaliesConfig())


def test_without_anything_on_the_ground_all_but_the_largest_cluster_hang() -> None:
    parts = [
        (SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0, 0))),
        (BACK, (0, 2), box((0.3, 0.3, 0.05), (0, 0.6, -0.3))),
        ("chair/chair_base", (0, 3), box((0.1, 1.4, 0.1), (0, 0.1, -0.35))),
    ]
    shape = assemble("mast", parts)
    proof = _without(shape, 3)
    assert proof.hanging_after == pytest.approx(_area(shape, 2) / _area(shape, 1, 2), rel=1e-6)


def test_pieces_are_found_with_their_areas_and_lowest_points_however_small() -> None:
    meshes = [box((1, 1, 1), (0, 0, 0)), box((1e-3, 1e-3, 1e-3), (2, -3, 0)), box((1, 2, 1), (4, 0, 0))]
    soup = flatten(enumerate(meshes))
    pieces = find_pieces(make_mesh(soup.vertices, soup.faces), 300, rng(0))
    order = np.argsort(pieces.lowest)
    np.testing.assert_allclose(pieces.areas[order], [6e-6, 10, 6])
    np.testing.assert_allclose(pieces.lowest[order], [-3.0005, -1, -0.5])
    assert set(pieces.owner) == {0, 1, 2}
    # Every point lies in the box of its piece.
    nearest = np.argmin(np.abs(pieces.points[:, :1] - [[0, 2, 4]]), axis=1)
    assert len({(o, n) for o, n in zip(pieces.owner, nearest, strict=True)}) == 3

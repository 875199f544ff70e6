from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.proving.proof import measure, require_visible
from pipeline.anomalies.rigid import move
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape
from tests.anomalies.toy_chairs import LEG, SEAT, assemble, box, chair, task


def _stool() -> Shape:
    leg = box((0.2, 0.9, 0.2), (0, -0.05, 0))
    return assemble("stool", [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), leg)])


def test_nothing_replaced_is_nothing_moved_and_all_of_the_target_on_view() -> None:
    proof = measure(task(chair(), 2), {}, rng(0))
    assert (proof.mean_distance, proof.max_distance, proof.displacement, proof.sink) == (0, 0, 0, 0)
    assert (proof.gone_share, proof.new_share, proof.hanging_after) == (0, 0, 0)
    assert proof.gap_after == pytest.approx(proof.gap_before, abs=0.01)
    assert (proof.volume_after, proof.area_after) == pytest.approx((proof.volume_before, proof.area_before))
    assert proof.exposed_share == pytest.approx(proof.seen_before, abs=0.1)
    assert proof.seen_before > 0.5


def test_displacement_is_the_mean_path_of_the_material() -> None:
    work = task(_stool(), 2, config=AnomaliesConfig(max_sink=1.0))
    slid = measure(work, move(work, np.eye(3), np.array([0.03, 0.04, 0])), rng(0))
    assert slid.displacement == pytest.approx(0.05)
    assert slid.mean_distance is not None and slid.mean_distance < 0.05
    turn = Rotation.from_rotvec([0, np.pi, 0]).as_matrix()
    turned = measure(work, move(work, turn, np.zeros(3)), rng(0))
    # Half a turn of a square prism about its axis: points move by twice their distance from it, the surface not at all.
    edge = np.linspace(-0.1, 0.1, 2001)
    around, across = np.hypot(0.1, edge).mean(), np.hypot(*np.meshgrid(edge, edge)).mean()
    sides, ends = 4 * 0.2 * 0.9, 2 * 0.2**2
    assert turned.displacement == pytest.approx(2 * (sides * around + ends * across) / (sides + ends), rel=0.01)
    assert turned.mean_distance == pytest.approx(0, abs=1e-6)


def test_contact_is_the_share_of_the_surface_near_the_rest() -> None:
    work = task(_stool(), 2, config=AnomaliesConfig(max_sink=1.0))
    proof = measure(work, move(work, np.eye(3), np.array([0, -0.2, 0])), rng(0))
    end, collar, whole = 0.2 * 0.2, 4 * 0.2 * 0.03, 4 * 0.2 * 0.9 + 2 * 0.2 * 0.2
    assert (end / whole) * 0.8 < proof.contact_before < (end + collar) / whole * 1.2
    assert proof.contact_after == 0
    assert proof.gap_after == pytest.approx(0.2, abs=0.01)


def test_veneer_whose_loss_no_camera_can_tell_is_refused_as_hidden() -> None:
    parts = [
        (SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0, 0))),
        ("chair/veneer", (0, 2), box((0.8, 0.001, 0.8), (0, 0.0505, 0))),
        ("chair/cushion", (0, 3), box((0.4, 0.1, 0.4), (0, 0.1, 0))),
    ]
    shape = assemble("bench", parts)
    with pytest.raises(UnitRejected) as rejection:
        require_visible(measure(task(shape, 2), {2: None}, rng(0)), AnomaliesConfig())
    assert rejection.value.reason == "hidden"
    require_visible(measure(task(shape, 3), {3: None}, rng(0)), AnomaliesConfig())


@pytest.mark.parametrize("gone", [True, False])
def test_every_number_of_a_proof_survives_json(gone: bool) -> None:
    work = task(_stool(), 2)
    replaced = {2: None} if gone else dict(move(work, np.eye(3), np.array([0.2, 0, 0])))
    numbers = asdict(measure(work, replaced, rng(0)))
    assert json.loads(json.dumps(numbers)) == numbers
    after = {name for name, value in numbers.items() if value is None}
    assert after == (
        {"mean_distance", "max_distance", "displacement", "new_share", "gap_after", "contact_after", "seen_after"}
        | {"area_after", "volume_after", "watertight_after"}
        if gone
        else set()
    )

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from toy_chairs import LEG, SEAT, assemble, box, chair, task

from pipeline.anomalies import positional, rotational
from pipeline.anomalies.proof import Proof, measure, require_moved
from pipeline.anomalies.rigid import move
from pipeline.anomalies.task import Task
from pipeline.config import AnomaliesConfig
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh


def _moved(work: Task, rotation: np.ndarray, translation: tuple[float, float, float]) -> Proof:
    return measure(work, move(work, rotation, np.array(translation)), rng(0))


def _reason(proof: Proof, config: AnomaliesConfig | None = None) -> str:
    with pytest.raises(UnitRejected) as rejection:
        require_moved(proof, config or AnomaliesConfig())
    return rejection.value.reason


def _stool(leg: trimesh.Trimesh) -> Shape:
    return assemble("stool", [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), leg)])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_translation_is_rigid_and_as_long_as_drawn(seed: int) -> None:
    work = task(chair(), 3)
    change = positional.draw(work, rng(seed))
    old, new = work.shape.part(3).mesh, change.replaced[3]
    assert new is not None
    offset = np.asarray(change.parameters["translation"])
    np.testing.assert_allclose(new.vertices - old.vertices, np.broadcast_to(offset, old.vertices.shape))
    assert 0.05 <= np.linalg.norm(offset) <= 0.25
    assert np.linalg.norm(offset) == pytest.approx(change.parameters["distance"])
    assert (new.faces == old.faces).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rotation_keeps_the_pivot_and_the_volume_and_turns_by_the_angle_drawn(seed: int) -> None:
    work = task(chair(), 3)
    change = rotational.draw(work, rng(seed))
    new = change.replaced[3]
    assert new is not None
    parameters = change.parameters
    assert 15 <= parameters["angle_degrees"] <= 60
    assert new.volume == pytest.approx(work.old.volume)
    # Independent of the code's matrix: fit the rotation from the vertices about the pivot.
    pivot = np.asarray(parameters["pivot"])
    fitted, residual = Rotation.align_vectors(new.vertices - pivot, work.old.vertices - pivot)
    assert residual == pytest.approx(0, abs=1e-6)
    assert np.degrees(fitted.magnitude()) == pytest.approx(parameters["angle_degrees"])


def test_leg_turns_about_where_it_meets_the_seat() -> None:
    parameters = rotational.draw(task(chair(), 3), rng(0)).parameters
    assert parameters["pivot_kind"] == "contact"
    np.testing.assert_allclose(parameters["pivot"], [-0.3, -0.05, -0.3], atol=0.03)


def test_part_that_touches_nothing_turns_about_its_middle() -> None:
    leg = box((0.1, 0.4, 0.1), (0.2, -0.2, 0.1))
    parameters = rotational.draw(task(_stool(leg), 2), rng(0)).parameters
    assert parameters["pivot_kind"] == "centroid"
    np.testing.assert_allclose(parameters["pivot"], [0.2, -0.2, 0.1], atol=0.02)


def test_wide_plate_lifted_has_moved_by_as_much_as_it_was_lifted() -> None:
    plate = task(_stool(box((0.8, 0.9, 0.8), (0, -0.05, 0))), 1)
    proof = _moved(plate, np.eye(3), (0, 0.1, 0))
    assert proof.max_distance == pytest.approx(0.1, abs=0.01)
    assert proof.gap_before < 0.02
    assert proof.gap_after == pytest.approx(0.1, abs=0.01)
    assert proof.sink == 0
    assert proof.exposed_share > 0.3
    require_moved(proof, AnomaliesConfig())


def test_cylinder_turned_about_its_own_axis_is_refused_as_unchanged() -> None:
    upright = trimesh.creation.cylinder(radius=0.1, height=0.9, sections=64)
    leg = make_mesh(upright.vertices[:, [1, 2, 0]] + [0, -0.05, 0], upright.faces)
    work = task(_stool(leg), 2)
    about_y = Rotation.from_rotvec([0, np.radians(40), 0]).as_matrix()
    assert _reason(_moved(work, about_y, (0, 0, 0))) == "unchanged"
    about_x = Rotation.from_rotvec([np.radians(40), 0, 0]).as_matrix()
    require_moved(_moved(work, about_x, (0, 0.1, 0)), AnomaliesConfig())


def test_square_leg_turned_by_a_right_angle_is_refused_as_unchanged() -> None:
    work = task(_stool(box((0.1, 0.9, 0.1), (0, -0.05, 0))), 2)
    quarter = Rotation.from_rotvec([0, np.pi / 2, 0]).as_matrix()
    proof = _moved(work, quarter, (0, 0, 0))
    assert proof.mean_distance == pytest.approx(0, abs=1e-6)
    assert _reason(proof) == "unchanged"


def test_long_bar_slid_along_itself_is_refused_as_unchanged() -> None:
    shape = assemble(
        "bar", [(SEAT, (0, 1), box((2, 0.1, 0.3), (0, 0, 0))), (LEG, (0, 2), box((2, 0.02, 0.02), (0, 0.06, 0)))]
    )
    assert _reason(_moved(task(shape, 2), np.eye(3), (0.06, 0, 0))) == "unchanged"


def test_part_far_from_the_rest_is_refused_as_floating() -> None:
    proof = _moved(task(_stool(box((0.8, 0.9, 0.8), (0, -0.05, 0))), 1), np.eye(3), (0, 0.3, 0))
    assert proof.gap_after == pytest.approx(0.3, abs=0.01)
    assert _reason(proof) == "floating"


def test_leg_pushed_into_the_ground_is_refused_as_sunk() -> None:
    proof = _moved(task(chair(), 3), np.eye(3), (0, -0.1, 0))
    assert proof.sink == pytest.approx(0.1)
    assert _reason(proof) == "sunk"


def test_part_moved_inside_a_closed_box_is_refused_as_hidden() -> None:
    shape = assemble(
        "chest", [("chest/body", (0, 1), box((1, 1, 1), (0, 0, 0))), ("chest/ball", (0, 2), box((0.2,) * 3, (0, 0, 0)))]
    )
    proof = _moved(task(shape, 2), np.eye(3), (0.2, 0, 0))
    assert proof.exposed_share == 0
    assert _reason(proof, AnomaliesConfig(max_gap=1.0)) == "hidden"

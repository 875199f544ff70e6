from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pipeline.anomalies.config import AnomaliesConfig, Directions
from pipeline.anomalies.proving.proof import Proof, measure, require_moved
from pipeline.anomalies.rigid import move, random_direction
from pipeline.anomalies.task import Change, Task
from pipeline.anomalies.types import positional, rotational
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh
from tests.anomalies.toy_chairs import LEG, SEAT, assemble, box, chair, task


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
    try:
        change = positional.draw(work, rng(seed))
    except UnitRejected as rejection:
        assert rejection.reason == "sunk"
        return
    old, new = work.shape.part(3).mesh, change.replaced[3]
    assert new is not None
    offset = np.asarray(change.parameters["translation"])
    np.testing.assert_allclose(new.vertices - old.vertices, np.broadcast_to(offset, old.vertices.shape))
    size = np.linalg.norm([0.08, 0.5, 0.08])  # of a leg's box
    assert max(0.05, 0.15 * size) <= np.linalg.norm(offset) <= min(0.25, 0.6 * size)
    assert np.linalg.norm(offset) == pytest.approx(change.parameters["distance"])
    assert (new.faces == old.faces).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rotation_keeps_the_pivot_and_the_volume_and_turns_by_the_angle_drawn(seed: int) -> None:
    work = task(chair(), 3)
    try:
        change = rotational.draw(work, rng(seed))
    except UnitRejected as rejection:
        assert rejection.reason == "sunk"
        return
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


def test_leg_pushed_into_the_ground_is_refused_as_sunk_before_it_is_measured() -> None:
    with pytest.raises(UnitRejected) as rejection:
        _moved(task(chair(), 3), np.eye(3), (0, -0.1, 0))
    assert rejection.value.reason == "sunk"
    lenient = AnomaliesConfig(max_sink=0.2)
    proof = _moved(task(chair(), 3, config=lenient), np.eye(3), (0.1, -0.1, 0))
    assert proof.sink == pytest.approx(0.1)
    assert _reason(proof) == "sunk"
    require_moved(proof, lenient)


def test_part_moved_inside_a_closed_box_is_refused_as_hidden() -> None:
    shape = assemble(
        "chest", [("chest/body", (0, 1), box((1, 1, 1), (0, 0, 0))), ("chest/ball", (0, 2), box((0.2,) * 3, (0, 0, 0)))]
    )
    proof = _moved(task(shape, 2), np.eye(3), (0.2, 0, 0))
    assert proof.exposed_share == 0
    assert _reason(proof, AnomaliesConfig(max_gap=1.0)) == "hidden"


def test_cushion_that_sinks_into_the_back_is_refused_as_buried() -> None:
    shape = assemble(
        "sofa",
        [
            ("chair/chair_back", (0, 1), box((1, 1, 0.5), (0, 0, -0.25))),
            ("chair/chair_back/pillow", (0, 2), box((0.4, 0.4, 0.1), (0, 0, 0.05))),
        ],
    )
    work = task(shape, 2)
    assert _reason(_moved(work, np.eye(3), (0, 0, -0.105))) == "buried"
    require_moved(_moved(work, np.eye(3), (0.05, 0.05, 0.05)), AnomaliesConfig())


def test_turn_about_the_neighbour_that_was_drawn() -> None:
    neighbours = {}
    for seed in range(12):
        parameters = rotational.draw(task(chair(), 7, config=AnomaliesConfig(max_sink=1.0)), rng(seed)).parameters
        neighbours[parameters["pivot_neighbour"]] = parameters["pivot"]
    # The post stands on the seat and bears the armrest, at its two ends.
    assert neighbours[1] == pytest.approx([-0.37, 0.05, 0.3], abs=0.03)
    assert neighbours[8] == pytest.approx([-0.37, 0.25, 0.3], abs=0.03)


@pytest.mark.parametrize("directions", ["horizontal", "axes"])
def test_directions_are_of_the_kind_asked_for(directions: Directions) -> None:
    drawn = np.array([random_direction(rng(seed), directions) for seed in range(60)])
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1)
    if directions == "horizontal":
        assert (drawn[:, 1] == 0).all()
        assert np.abs(drawn.mean(axis=0)).max() < 0.3
    else:
        assert len(np.unique(drawn, axis=0)) == 6
        assert (np.abs(drawn).max(axis=1) == 1).all()


PROFILES = st.lists(st.floats(0.03, 0.3), min_size=2, max_size=6)


@settings(max_examples=25, deadline=None)
@given(radii=PROFILES, angle=st.floats(15, 180), tilt=st.integers(0, 1000))
def test_solid_of_revolution_turned_about_its_axis_is_always_refused(
    radii: list[float], angle: float, tilt: int
) -> None:
    heights = np.linspace(-0.4, 0.4, len(radii))
    outline = np.array([[0, -0.4], *zip(radii, heights, strict=True), [0, 0.4]])
    lathed = trimesh.creation.revolve(outline, sections=48)
    pose = Rotation.random(random_state=tilt).as_matrix()
    part = make_mesh(lathed.vertices @ pose.T, lathed.faces)
    work = task(_stool(part), 2, config=AnomaliesConfig(max_sink=1.0))
    turn = Rotation.from_rotvec(np.radians(angle) * pose[:, 2]).as_matrix()
    assert _reason(_moved(work, turn, (0, 0, 0)), work.config) == "unchanged"


@settings(max_examples=25, deadline=None)
@given(
    length=st.floats(0.4, 1.5),
    thickness=st.floats(0.01, 0.08),
    share=st.floats(0.02, 0.45),
    sections=st.integers(3, 20),
    tilt=st.integers(0, 1000),
)
def test_bar_slid_along_itself_is_always_refused(
    length: float, thickness: float, share: float, sections: int, tilt: int
) -> None:
    bar = trimesh.creation.cylinder(radius=thickness / 2, height=length, sections=sections)
    pose = Rotation.random(random_state=tilt).as_matrix()
    work = task(
        _stool(make_mesh(bar.vertices @ pose.T, bar.faces)), 2, config=AnomaliesConfig(max_sink=2.0, max_gap=2.0)
    )
    slide = share * length * pose[:, 2]
    assert _reason(_moved(work, np.eye(3), tuple(slide)), work.config) == "unchanged"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), draw=st.sampled_from([positional.draw, rotational.draw]))
def test_moved_hull_stays_closed_outward_and_of_the_same_size(
    seed: int, draw: Callable[[Task, np.random.Generator], Change]
) -> None:
    hull = trimesh.convex.convex_hull(rng(seed, "hull").normal(size=(12, 3)) * 0.2)
    work = task(_stool(make_mesh(hull.vertices, hull.faces)), 2, config=AnomaliesConfig(max_sink=2.0))
    replaced = draw(work, rng(seed)).replaced
    assert set(replaced) == {2}
    new = replaced[2]
    assert new is not None
    assert new.is_watertight
    assert new.is_winding_consistent
    assert new.volume == pytest.approx(hull.volume)
    np.testing.assert_allclose(new.edges_unique_length, hull.edges_unique_length, atol=1e-9)

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pipeline.anomalies.alignment import fit_box, nearest_frame, turn_degrees
from pipeline.seeding import rng


def _cloud(extents: tuple[float, float, float], rotation: Rotation) -> np.ndarray:
    return np.asarray(trimesh.creation.box(extents=extents).subdivide().vertices) @ rotation.as_matrix().T


@settings(max_examples=25, deadline=None)
@given(
    axis=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 0.1),
    degrees=st.floats(15, 40),
)
def test_turned_slat_gets_a_box_of_its_own_size_that_turns_as_it_does(
    axis: tuple[float, float, float], degrees: float
) -> None:
    turn = Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis))
    box = fit_box(_cloud((0.2, 1.0, 0.03), turn))
    assert np.linalg.det(box.frame) == pytest.approx(1)
    # Upright, or swung along one axis, only where that box is nearly as small.
    assert np.prod(box.extents) <= 0.2 * 1.0 * 0.03 * 1.25 / 0.7 + 1e-9
    assert turn_degrees(np.eye(3), box.frame) <= degrees + 1


def test_round_leg_that_leans_is_not_twisted_about_itself() -> None:
    lean = Rotation.from_rotvec([0.2, 0, 0.15])
    pole = trimesh.creation.cylinder(radius=0.05, height=1, sections=40).vertices[:, [1, 2, 0]]
    box = fit_box(pole @ lean.as_matrix().T)
    swing = Rotation.from_matrix(box.frame).as_rotvec()
    assert abs(swing[1]) < 0.01  # the shortest way from upright to the leg's axis turns about a horizontal one
    np.testing.assert_allclose(box.frame[:, 1], lean.as_matrix()[:, 1], atol=0.02)


def test_upright_part_keeps_the_worlds_axes() -> None:
    box = fit_box(_cloud((0.8, 0.1, 0.7), Rotation.from_rotvec([0, np.radians(3), 0])))
    np.testing.assert_array_equal(box.frame, np.eye(3))


def test_flat_and_line_like_parts_have_boxes() -> None:
    square = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    np.testing.assert_allclose(fit_box(square).extents, [1, 1, 1e-3])
    np.testing.assert_allclose(fit_box(np.array([[0.0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]])).extents, 1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nearest_frame_is_no_farther_than_any_renaming_of_its_axes(seed: int) -> None:
    frame, reference = (Rotation.random(random_state=int(rng(seed, n).integers(10**6))).as_matrix() for n in "ab")
    nearest = turn_degrees(nearest_frame(frame, reference), reference)
    for group in Rotation.create_group("O"):
        assert nearest <= turn_degrees(frame @ group.as_matrix(), reference) + 1e-6

"""Origin of changed parts: which face of the intact part each face is, and which were inside."""

from __future__ import annotations

import numpy as np
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pipeline.anomalies.intact_surface import find_intact_surface
from pipeline.shapes.shape import make_mesh

BOX = trimesh.creation.box((1.0, 0.5, 0.3))
FORWARD = np.array([0.0, 0.0, 1.0])


def part_of_box(low: float, high: float) -> trimesh.Trimesh:
    """The box between two heights, closed there."""
    slab = trimesh.creation.box(bounds=[[-1, low, -1], [1, high, 1]])
    return trimesh.boolean.intersection([BOX, slab], engine="manifold")


@settings(deadline=None, max_examples=25)
@given(st.floats(-180, 180), st.floats(-1, 1))
def test_moved_part_keeps_every_face_where_it_was(angle: float, shift: float) -> None:
    turn = Rotation.from_euler("xyz", [angle, angle / 2, 0], degrees=True).as_matrix()
    moved = make_mesh(BOX.vertices @ turn.T + shift, BOX.faces)
    surface = find_intact_surface(BOX, moved, {}, cuts=False)
    assert surface is not None
    np.testing.assert_array_equal(surface.faces, np.arange(len(BOX.faces)))
    np.testing.assert_array_equal(surface.corners, BOX.triangles)


def test_scaled_twin_and_another_solid_have_none() -> None:
    assert find_intact_surface(BOX, make_mesh(BOX.vertices * 1.1, BOX.faces), {}, cuts=False) is None
    assert find_intact_surface(BOX, trimesh.creation.icosphere(1), {}, cuts=False) is None


def test_cut_shows_the_inside_and_the_rest_lies_on_the_faces_it_was() -> None:
    left = part_of_box(-1, 0.1)
    surface = find_intact_surface(BOX, left, {}, cuts=True)
    assert surface is not None
    on_cut = np.isclose(left.triangles[..., 1], 0.1).all(axis=1)
    assert on_cut.any()
    np.testing.assert_array_equal(surface.faces < 0, on_cut)
    kept = ~on_cut
    np.testing.assert_allclose(BOX.face_normals[surface.faces[kept]], left.face_normals[kept], atol=1e-6)
    np.testing.assert_array_equal(surface.corners, left.triangles)


def test_displaced_piece_is_found_where_it_was() -> None:
    lower, upper = part_of_box(-1, 0), part_of_box(0, 1)
    turn = Rotation.from_rotvec(0.2 * FORWARD).as_matrix()
    shift = np.array([0.02, 0.05, 0.0])
    displaced = make_mesh(upper.vertices @ turn.T + shift, upper.faces)
    both = trimesh.util.concatenate([lower, displaced])
    surface = find_intact_surface(BOX, both, {"rotation": turn.tolist(), "translation": shift.tolist()}, cuts=True)
    assert surface is not None
    before = np.concatenate([lower.triangles, upper.triangles])
    on_cut = np.isclose(before[..., 1], 0.0).all(axis=1)
    np.testing.assert_array_equal(surface.faces < 0, on_cut)
    np.testing.assert_allclose(surface.corners[~on_cut], before[~on_cut], atol=1e-9)

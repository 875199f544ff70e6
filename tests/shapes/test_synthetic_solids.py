"""Curves and solids against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shapes.synthetic import curves, solids
from pipeline.shapes.synthetic.members import rod, turned


def circle(segments: int) -> np.ndarray:
    return curves.ellipse(2.0, 2.0, segments)


def is_closed_and_outward(mesh: trimesh.Trimesh) -> bool:
    return bool(mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0)


def test_straight_sweep_has_the_volume_of_a_prism() -> None:
    section = curves.rounded_rectangle(0.3, 0.2, 0.0, per_corner=1)
    mesh = solids.sweep(curves.line((0, 0, 0), (1, 2, 2)), section)
    assert mesh.volume == pytest.approx(0.3 * 0.2 * 3.0)
    assert is_closed_and_outward(mesh)


def test_tapered_sweep_has_the_volume_of_a_cone_frustum() -> None:
    mesh = solids.sweep(curves.line((0, 0, 0), (0, 0, 1)), circle(400), [0.2, 0.1])
    assert mesh.volume == pytest.approx(np.pi / 3 * (0.04 + 0.02 + 0.01), rel=1e-3)


def test_closed_sweep_is_a_torus() -> None:
    flat = 0.5 * circle(200)
    path = np.stack([flat[:, 0], np.zeros(200), flat[:, 1]], axis=1)
    mesh = solids.sweep(path, 0.1 * circle(100), closed=True)
    assert mesh.volume == pytest.approx(2 * np.pi**2 * 0.5 * 0.01, rel=2e-3)
    assert mesh.euler_number == 0


def test_swept_section_keeps_its_up_axis_along_a_level_bend() -> None:
    path = curves.spline([(-1, 0, 0), (0, 0, 0.5), (1, 0, 0)], 30)
    mesh = solids.sweep(path, curves.rounded_rectangle(0.02, 0.2, 0.001))
    assert mesh.bounds[:, 1] == pytest.approx([-0.1, 0.1])


def test_bevel_lengthens_by_its_radius_and_narrows_the_end_by_it() -> None:
    mesh = solids.sweep(curves.line((0, 0, 0), (0, 0, 1)), 0.1 * circle(64), bevel=0.02)
    assert mesh.bounds[:, 2] == pytest.approx([-0.02, 1.02])
    end = mesh.vertices[mesh.vertices[:, 2] > 1.0199]
    assert np.linalg.norm(end[:, :2], axis=1).max() == pytest.approx(0.08)


def test_pad_without_crown_fills_its_bounds_but_for_the_rounded_edges() -> None:
    outline = curves.rounded_rectangle(0.5, 0.4, 0.001)
    mesh = solids.pad(outline, 0.06, 0.002)
    assert mesh.extents == pytest.approx([0.5, 0.06, 0.4])
    assert mesh.volume == pytest.approx(0.5 * 0.4 * 0.06, rel=0.005)


@pytest.mark.parametrize(("plane", "axis"), [("seat", 1), ("back", 2)])
def test_crown_lifts_the_middle_of_the_upper_face_only(plane: solids.Plane, axis: int) -> None:
    outline = curves.rounded_rectangle(0.5, 0.4, 0.05, 6, 6)
    flat = solids.pad(outline, 0.06, 0.02, (0.0, 0.0), plane)
    domed = solids.pad(outline, 0.06, 0.02, (0.0, 0.03), plane)
    assert flat.bounds[:, axis] == pytest.approx([-0.03, 0.03])
    assert domed.bounds[0, axis] == pytest.approx(-0.03)
    assert 0.058 < domed.bounds[1, axis] <= 0.06
    assert is_closed_and_outward(domed)


def test_flat_shell_has_area_times_thickness_and_a_round_rim() -> None:
    x, z = np.meshgrid(np.linspace(0, 1, 20), np.linspace(0, 2, 30))
    mesh = solids.shell(np.stack([x, 0 * x, z], axis=-1), 0.02)
    assert is_closed_and_outward(mesh)
    assert mesh.volume == pytest.approx(2 * 0.02, rel=0.02)
    assert mesh.bounds[:, 0] == pytest.approx([-0.01, 1.01], abs=1e-6)


def test_positive_pitch_leans_the_top_backward() -> None:
    mesh = solids.placed(trimesh.creation.box((0.1, 1, 0.1)), (0, 5, 0), pitch=np.pi / 6)
    top = mesh.vertices[mesh.vertices[:, 1] > 5].mean(axis=0)
    assert top == pytest.approx([0, 5 + 0.5 * np.cos(np.pi / 6), -0.5 * np.sin(np.pi / 6)])


def test_mirror_image_is_wound_outward_and_mirrors_back() -> None:
    mesh = rod((0.1, 0, 0), (0.3, 0.5, 0.2), 0.02)
    image = solids.mirrored(mesh)
    assert image.volume == pytest.approx(mesh.volume)
    assert image.bounds[:, 0] == pytest.approx(-mesh.bounds[::-1, 0])
    assert np.array_equal(solids.mirrored(image).vertices, mesh.vertices)


@settings(max_examples=40, deadline=None)
@given(
    points=st.lists(st.tuples(*[st.floats(-0.2, 0.2)] * 2), min_size=3, max_size=5),
    radius=st.floats(0.01, 0.05),
    taper=st.floats(0.4, 2.0),
    bevel=st.floats(0.001, 0.02),
)
def test_any_gently_bent_tapered_bar_is_closed_and_outward(
    points: list[tuple[float, float]], radius: float, taper: float, bevel: float
) -> None:
    path = curves.spline([(x, y, 0.5 * i) for i, (x, y) in enumerate(points)], 16)
    mesh = solids.sweep(path, circle(12), np.linspace(radius, radius * taper, 16), bevel=bevel)
    assert is_closed_and_outward(mesh)
    assert mesh.area_faces.min() > 0


@settings(max_examples=40, deadline=None)
@given(width=st.floats(0.1, 1), height=st.floats(0.1, 1), share=st.floats(0.05, 0.45))
def test_rounded_rectangle_has_its_size_and_area(width: float, height: float, share: float) -> None:
    radius = share * min(width, height)
    outline = curves.rounded_rectangle(width, height, radius, per_corner=60, per_side=3)
    x, y = outline.T
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))  # positive: counter-clockwise
    assert area == pytest.approx(width * height - (4 - np.pi) * radius**2, rel=1e-3)
    assert np.ptp(outline, axis=0) == pytest.approx([width, height])


def test_superellipse_points_satisfy_its_equation() -> None:
    x, y = curves.superellipse(0.6, 0.4, 3.2).T
    assert np.abs(x / 0.3) ** 3.2 + np.abs(y / 0.2) ** 3.2 == pytest.approx(1.0)


def test_spline_passes_through_its_points_in_order() -> None:
    points = np.array([(0, 0, 0), (0.2, 0.4, 0.1), (0.1, 0.9, -0.2), (0, 1, 0)])
    curve = curves.spline(points, 2001)
    nearest = [int(np.linalg.norm(curve - p, axis=1).argmin()) for p in points]
    assert nearest == sorted(nearest)
    assert np.linalg.norm(curve[nearest] - points, axis=1).max() < 2e-3


def test_fillet_cuts_a_corner_by_at_most_its_radius_and_keeps_the_ends() -> None:
    curve = curves.filleted([(0, 0, 0), (1, 0, 0), (1, 1, 0)], 0.2, per_corner=7)
    assert curve[0] == pytest.approx([0, 0, 0]) and curve[-1] == pytest.approx([1, 1, 0])
    assert curve[1] == pytest.approx([0.8, 0, 0]) and curve[-2] == pytest.approx([1, 0.2, 0])
    distance = np.linalg.norm(curve - (1, 0, 0), axis=1).min()
    assert distance == pytest.approx(0.1 / np.sqrt(2))


def test_turned_leg_is_never_thinner_or_thicker_than_its_controls() -> None:
    controls = [(0.0, 0.02), (0.3, 0.03), (0.35, 0.012), (0.4, 0.03), (1.0, 0.02)]
    leg = turned((0, 0, 0), (0, 1, 0), controls)
    radii = np.linalg.norm(leg.mesh.vertices[:, [0, 2]], axis=1)
    body = (leg.mesh.vertices[:, 1] > 0) & (leg.mesh.vertices[:, 1] < 1) & (radii > 1e-9)
    assert radii.max() <= 0.03 + 1e-9
    assert radii[body].min() >= 0.012 - 1e-9


def test_member_finds_its_centreline_at_a_height() -> None:
    leg = turned((0.2, 0, 0.1), (0.0, 1, 0.3), [(0, 0.02), (1, 0.02)])
    assert leg.at(0.25) == pytest.approx([0.15, 0.25, 0.15])
    assert leg.at(9.0) == pytest.approx([0.0, 1.0, 0.3])
    assert leg.mirrored().at(0.25) == pytest.approx([-0.15, 0.25, 0.15])

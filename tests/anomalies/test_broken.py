from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_chairs import LEG, SEAT, assemble, box, chair, task

from pipeline.anomalies import broken
from pipeline.anomalies.cutter import Cutter, random_cutter
from pipeline.anomalies.cutting import Cut, cut
from pipeline.anomalies.measure import join
from pipeline.anomalies.pieces import Piece, split
from pipeline.anomalies.proof import measure
from pipeline.config import AnomaliesConfig, BrokenConfig
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import flatten, make_mesh


def _smooth(kind: Literal["sphere", "cube"], centre: tuple[float, float, float], size: float) -> Cutter:
    return Cutter(kind, np.array(centre), size * np.eye(3), np.zeros((1, 3)), np.zeros(1), 0.0)


def _cut(mesh: trimesh.Trimesh, cutter: Cutter) -> Cut:
    piece = Piece(mesh, 1, 0, float(mesh.area), None)
    return cut(piece, cutter, cutter.mesh(), flatten([(1, mesh)]))


@pytest.mark.parametrize("kind", ["sphere", "cube"])
def test_cutters_mesh_is_closed_outward_and_lies_where_its_gauge_is_one(kind: Literal["sphere", "cube"]) -> None:
    draws = (random_cutter(rng(s).normal(size=(50, 3)), BrokenConfig(roughness=0.3), rng(s)) for s in range(20))
    cutters = [cutter for cutter in draws if cutter.kind == kind]
    assert cutters
    for cutter in cutters:
        mesh = cutter.mesh()
        assert mesh.is_volume
        assert mesh.volume > 0
        np.testing.assert_allclose(cutter.gauge(mesh.vertices), 1, atol=1e-9)
        assert cutter.gauge(cutter.centre[None] + 1e-6) < 1


def test_cutter_holds_a_share_of_the_points_within_the_limits() -> None:
    points = rng(1).normal(size=(500, 3))
    for seed in range(20):
        cutter = random_cutter(points, BrokenConfig(removed_share=(0.2, 0.4)), rng(seed))
        assert 0.19 <= (cutter.gauge(points) < 1).mean() <= 0.41


@pytest.mark.parametrize("inside_out", [False, True])
@pytest.mark.parametrize(("centre", "balls"), [((0.5, 0, 0), 1 / 2), ((0.5, 0.5, 0), 1 / 4), ((0.5, 0.5, 0.5), 1 / 8)])
def test_sphere_takes_its_part_of_a_ball_out_of_a_cube(
    centre: tuple[float, float, float], balls: float, inside_out: bool
) -> None:
    cube = trimesh.creation.box()
    mesh = make_mesh(cube.vertices, cube.faces[:, ::-1] if inside_out else cube.faces)
    result = _cut(mesh, _smooth("sphere", centre, 0.4))
    assert result.method == "boolean"
    (piece,) = result.pieces
    assert piece.mesh.is_volume
    assert 1 - piece.mesh.volume == pytest.approx(balls * 4 / 3 * np.pi * 0.4**3, rel=0.01)
    assert piece.volume == pytest.approx(piece.mesh.volume)
    # What is left of the cube's own surface: without a circle's part of every face that it touches.
    touched = round(np.log2(1 / balls))
    assert piece.original_area == pytest.approx(6 - touched * np.pi * 0.4**2 / 2 ** (touched - 1), rel=0.01)


def test_cube_takes_a_cube_out_of_a_corner() -> None:
    (piece,) = _cut(trimesh.creation.box(), _smooth("cube", (0.5, 0.5, 0.5), 0.5)).pieces
    assert piece.mesh.volume == pytest.approx(1 - 0.5**3, abs=1e-9)


def test_box_without_a_lid_is_cut_as_a_solid_and_gets_no_lid() -> None:
    cube = trimesh.creation.box()
    bottom = make_mesh(cube.vertices, cube.faces[cube.face_normals[:, 1] < 0.5])
    result = _cut(bottom, _smooth("sphere", (0.5, 0, 0), 0.3))
    (piece,) = result.pieces
    assert result.method == "capped boolean"
    assert piece.original_area == pytest.approx(5 - np.pi * 0.3**2, rel=0.01)
    # The dent's wall was added: half a sphere.
    assert piece.mesh.area == pytest.approx(5 - np.pi * 0.3**2 + 2 * np.pi * 0.3**2, rel=0.01)
    assert not ((piece.mesh.face_normals[:, 1] > 0.99) & (piece.mesh.triangles_center[:, 1] > 0.49)).any()


def test_sheet_gets_a_hole_with_nothing_in_it() -> None:
    square = make_mesh(
        np.array([[0.0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]]), np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int64)
    )
    result = _cut(square, _smooth("sphere", (0.5, 0, 0.5), 0.3))
    assert result.method == "clip"
    (piece,) = result.pieces
    assert piece.mesh.area == pytest.approx(1 - np.pi * 0.3**2, rel=0.005)
    np.testing.assert_allclose(piece.mesh.vertices[:, 1], 0, atol=1e-12)
    assert np.linalg.norm(piece.mesh.vertices - [0.5, 0, 0.5], axis=1).min() > 0.29


def test_bowl_is_a_sheet_whose_hollow_is_not_filled() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    bowl = make_mesh(ball.vertices, ball.faces[ball.triangles_center[:, 1] < 0])
    assert _cut(bowl, _smooth("sphere", (0, 0, 1), 0.5)).method == "clip"


def test_walls_that_meet_in_one_edge_come_apart_into_manifolds() -> None:
    cube = trimesh.creation.box()
    wall = np.array([[0, 1, 7], [0, 7, 6]], dtype=np.int64)
    corners = cube.vertices[np.unique(wall)]
    assert len(corners) == 4
    parts = split(make_mesh(cube.vertices, np.vstack([cube.faces, wall])))
    assert len(parts) > 1
    assert sum(len(p.faces) for p in parts) == len(cube.faces) + 2
    for part in parts:
        assert np.bincount(part.edges_unique_inverse).max() <= 2


def test_lower_half_of_a_leg_falls_off_where_the_leg_is_cut_through() -> None:
    shape = assemble(
        "stool",
        [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), box((0.1, 0.9, 0.1), (0, -0.05, 0)))],
    )
    work = task(shape, 2)
    cutter = _smooth("cube", (0, -0.05, 0), 0.1)
    result = _cut(shape.part(2).mesh, cutter)
    assert len(result.pieces) == 2
    intact = [Piece(shape.part(2).mesh, 2, 0, 1.0, None)]
    kept = broken._held(work, intact, result.pieces, rng(0))
    heights = [piece.mesh.bounds[0, 1] for piece, keep in zip(result.pieces, kept, strict=True) if keep]
    assert heights == pytest.approx([0.05])  # the upper piece alone


def test_part_that_touches_nothing_keeps_its_largest_piece() -> None:
    shape = assemble(
        "apart",
        [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.5, 0))), (LEG, (0, 2), box((0.1, 0.8, 0.1), (0, -0.2, 0)))],
    )
    result = _cut(shape.part(2).mesh, _smooth("cube", (0, 0, 0), 0.1))
    intact = [Piece(shape.part(2).mesh, 2, 0, 1.0, None)]
    kept = broken._held(task(shape, 2), intact, result.pieces, rng(0))
    volumes = np.array([piece.mesh.volume for piece in result.pieces])
    assert kept.tolist() == (volumes == volumes.max()).tolist()


SOLIDS = {
    "box": trimesh.creation.box(extents=(0.5, 0.1, 0.5)),
    "cylinder": trimesh.creation.cylinder(radius=0.1, height=0.8, sections=24),
    "torus": trimesh.creation.torus(0.3, 0.08, major_sections=24, minor_sections=12),
    "sphere": trimesh.creation.icosphere(subdivisions=3, radius=0.3),
}


@settings(max_examples=30, deadline=None)
@given(solid=st.sampled_from(sorted(SOLIDS)), hull=st.booleans(), seed=st.integers(0, 10_000))
def test_broken_solid_stays_closed_and_loses_a_share_within_the_limits(solid: str, hull: bool, seed: int) -> None:
    points = rng(seed, "hull").normal(size=(20, 3)) * 0.15
    mesh = trimesh.convex.convex_hull(points) if hull else SOLIDS[solid]
    plate = box((2, 0.1, 2), (0, float(mesh.bounds[0, 1]) - 0.05, 0))
    shape = assemble("one", [(SEAT, (0, 1), plate), (LEG, (0, 2), make_mesh(mesh.vertices, mesh.faces))])
    try:
        change = broken.draw(task(shape, 2), rng(seed, "draw"))
    except UnitRejected as rejection:
        assert rejection.reason == "removed-share"
        return
    left = change.replaced[2]
    assert left is not None
    assert left.is_watertight
    assert left.is_winding_consistent
    assert 0 < left.volume < mesh.volume
    assert change.measured["removed_share"] == pytest.approx(1 - left.volume / mesh.volume, abs=1e-6)
    assert 0.1 <= change.measured["removed_share"] <= 0.6


def test_most_draws_succeed() -> None:
    succeeded = 0
    for seed in range(20):
        try:
            broken.draw(task(chair(), 2), rng(seed))
            succeeded += 1
        except UnitRejected:
            continue
    assert succeeded >= 12


def test_shallow_fracture_is_refused() -> None:
    config = AnomaliesConfig(broken=BrokenConfig(min_depth=5.0))
    work = task(chair(), 2, config=config)
    proof = measure(work, broken.draw(work, rng(1)).replaced, rng(1))
    with pytest.raises(UnitRejected) as rejection:
        broken.accept(proof, config)
    assert rejection.value.reason == "shallow"


def test_group_is_broken_as_one_part() -> None:
    shape = chair()
    before = join(shape.part(i).mesh for i in (7, 8)).volume
    for seed in range(5):
        try:
            change = broken.draw(task(shape, 7, 8), rng(seed, "arm"))
        except UnitRejected:
            continue
        assert set(change.replaced) == {7, 8}
        after = sum(m.volume for m in change.replaced.values() if m is not None)
        assert change.measured["removed_share"] == pytest.approx(1 - after / before, abs=1e-6)
        return
    pytest.fail("five draws failed")

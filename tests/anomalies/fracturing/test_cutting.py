from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import trimesh

from pipeline.anomalies.fracturing.bodies import cut, part_bodies
from pipeline.anomalies.fracturing.cutter import random_cutter
from pipeline.anomalies.fracturing.cutting import Method, Side, Tool, as_float32
from pipeline.anomalies.fracturing.pieces import Piece, split
from pipeline.anomalies.proving.measure import join
from pipeline.geometry.raycast import RayScene
from pipeline.seeding import rng
from pipeline.shapes.shape import flatten, make_mesh
from tests.anomalies.toy_cuts import Vector, cut_part, smooth


def quads(mesh: trimesh.Trimesh, jitter: float = 0.0) -> trimesh.Trimesh:
    """The same triangles, each with vertices of its own, every other one turned."""
    corners = np.asarray(mesh.triangles).reshape(-1, 3) + jitter * rng(0, "jitter").normal(
        size=(3 * len(mesh.faces), 3)
    )
    faces = np.arange(len(corners)).reshape(-1, 3)
    faces[::2] = faces[::2, ::-1]
    return make_mesh(corners, faces)


@pytest.mark.parametrize("kind", ["sphere", "cube"])
def test_cutters_mesh_is_closed_outward_and_lies_where_its_gauge_is_one(kind: Literal["sphere", "cube"]) -> None:
    points = rng(0).normal(size=(50, 3))
    draws = (random_cutter(points[s], points, (0.1, 0.6), 0.0, 0.3, rng(s)) for s in range(20))
    cutters = [cutter for cutter in draws if cutter.kind == kind]
    assert cutters
    for cutter in cutters:
        mesh = cutter.mesh()
        assert mesh.is_volume
        assert mesh.volume > 0
        np.testing.assert_allclose(cutter.gauge(mesh.vertices), 1, atol=1e-9)
        assert cutter.gauge(cutter.centre[None] + 1e-6) < 1
        np.testing.assert_allclose(cutter.scaled(2.0).gauge(mesh.vertices), 0.5, atol=1e-9)


def test_cutter_holds_a_share_of_the_points_within_the_limits_and_is_as_deep_as_they_allow() -> None:
    points = rng(1).normal(size=(500, 3))
    for seed in range(20):
        shallow, deep = (
            random_cutter(points[seed], points, (0.2, 0.4), depth, 0.08, rng(seed)) for depth in (0.0, 100.0)
        )
        assert 0.19 <= (shallow.gauge(points) < 1).mean() <= 0.41
        assert (deep.gauge(points) < 1).mean() == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("inside_out", [False, True])
@pytest.mark.parametrize(("centre", "balls"), [((0.5, 0, 0), 1 / 2), ((0.5, 0.5, 0), 1 / 4), ((0.5, 0.5, 0.5), 1 / 8)])
def test_sphere_takes_its_part_of_a_ball_out_of_a_cube(centre: Vector, balls: float, inside_out: bool) -> None:
    cube = trimesh.creation.box()
    mesh = make_mesh(cube.vertices, cube.faces[:, ::-1] if inside_out else cube.faces)
    (piece,), methods = cut_part(mesh, smooth("sphere", centre, 0.4))
    assert methods == {"boolean"}
    assert piece.mesh.is_volume
    ball = balls * 4 / 3 * np.pi * 0.4**3
    assert 1 - piece.mesh.volume == pytest.approx(ball, rel=0.01)
    assert piece.volume == pytest.approx(piece.mesh.volume, abs=1e-6)
    # What is left of the cube's own surface: without a circle's part of every face that it touches.
    touched = round(np.log2(1 / balls))
    assert piece.original_area == pytest.approx(6 - touched * np.pi * 0.4**2 / 2 ** (touched - 1), rel=0.01)
    (inside,), _ = cut_part(mesh, smooth("sphere", centre, 0.4), "inside")
    assert inside.mesh.volume == pytest.approx(ball, rel=0.01)
    assert inside.original_area + piece.original_area == pytest.approx(6)


def test_cube_takes_a_cube_out_of_a_corner() -> None:
    (piece,), _ = cut_part(trimesh.creation.box(), smooth("cube", (0.5, 0.5, 0.5), 0.5))
    assert piece.mesh.volume == pytest.approx(1 - 0.5**3, abs=1e-6)


@pytest.mark.parametrize("build", [trimesh.creation.box, lambda: quads(trimesh.creation.box())])
def test_body_that_the_cutter_misses_stays_as_it_is(build: Callable[[], trimesh.Trimesh]) -> None:
    mesh = build()
    far = smooth("sphere", (1.1, 1.1, 1.1), 0.8)  # its box meets the cube, it does not
    assert (Tool.of(far).bounds[0] < mesh.bounds[1]).all()
    for body in part_bodies(mesh, 1, [RayScene(flatten([(1, mesh)]))]):
        assert cut(body, Tool.of(far), "outside")[0] == (body.intact,)
        assert cut(body, Tool.of(far), "inside")[0] == ()


def test_box_without_a_lid_is_cut_as_a_solid_and_gets_no_lid() -> None:
    cube = trimesh.creation.box()
    bottom = make_mesh(cube.vertices, cube.faces[cube.face_normals[:, 1] < 0.5])
    (piece,), methods = cut_part(bottom, smooth("sphere", (0.5, 0, 0), 0.3))
    assert methods == {"capped boolean"}
    assert piece.original_area == pytest.approx(5 - np.pi * 0.3**2, rel=0.01)
    # The dent's wall was added: half a sphere.
    assert piece.mesh.area == pytest.approx(5 - np.pi * 0.3**2 + 2 * np.pi * 0.3**2, rel=0.01)
    assert not ((piece.mesh.face_normals[:, 1] > 0.99) & (piece.mesh.triangles_center[:, 1] > 0.49)).any()


def test_box_of_loose_triangles_is_mended_to_a_closed_solid() -> None:
    (piece,), methods = cut_part(quads(trimesh.creation.box(), jitter=1e-5), smooth("sphere", (0.5, 0, 0), 0.4))
    assert methods == {"mended boolean"}
    assert piece.mesh.is_volume
    assert piece.mesh.volume == pytest.approx(1 - 2 / 3 * np.pi * 0.4**3, rel=0.01)


def test_sheet_gets_a_hole_with_nothing_in_it() -> None:
    square = make_mesh(
        np.array([[0.0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]]), np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int64)
    )
    (piece,), methods = cut_part(square, smooth("sphere", (0.5, 0, 0.5), 0.3))
    assert methods == {"clip"}
    assert piece.mesh.area == pytest.approx(1 - np.pi * 0.3**2, rel=0.005)
    np.testing.assert_allclose(piece.mesh.vertices[:, 1], 0, atol=1e-12)
    assert np.linalg.norm(piece.mesh.vertices - [0.5, 0, 0.5], axis=1).min() > 0.29
    (inside,), _ = cut_part(square, smooth("sphere", (0.5, 0, 0.5), 0.3), "inside")
    assert inside.mesh.area == pytest.approx(np.pi * 0.3**2, rel=0.02)


def test_bowl_is_a_sheet_whose_hollow_is_not_filled() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    bowl = make_mesh(ball.vertices, ball.faces[ball.triangles_center[:, 1] < 0])
    _, methods = cut_part(bowl, smooth("sphere", (0, 0, 1), 0.5))
    assert methods == {"clip"}


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


def test_rounding_collapses_slivers_and_leaves_the_surface_closed() -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    vertices, faces = np.array(ball.vertices), np.asarray(ball.faces)
    a, b = faces[0, :2]
    vertices[b] = vertices[a] * (1 + 1e-10)  # float32 cannot tell them apart
    rounded, left, kept = as_float32(vertices, faces)
    assert len(left) == len(faces) - 2 == kept.sum()
    assert len(rounded) == len(vertices) - 1
    assert (rounded == rounded.astype(np.float32)).all()
    mesh = make_mesh(rounded, left)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent


def test_rounding_keeps_touching_solids_apart() -> None:
    boxes = join([trimesh.creation.box(), trimesh.creation.box().apply_translation([1, 1, 0])])  # share an edge
    rounded, faces, kept = as_float32(np.asarray(boxes.vertices), np.asarray(boxes.faces))
    assert kept.all()
    assert make_mesh(rounded, faces).is_watertight


@dataclass(frozen=True)
class _Failing:
    intact: Piece
    method: Method = "boolean"

    def cut(self, tool: Tool, side: Side) -> None:
        return None


def test_method_that_fails_its_checks_gives_way_to_the_next() -> None:
    tool = Tool.of(smooth("sphere", (0.5, 0, 0), 0.3))
    cube = trimesh.creation.box()
    (piece,), method = cut(_Failing(Piece(cube, 1, 0, 6.0, None)), tool, "outside")
    assert method == "wrapped boolean"
    assert piece.mesh.area == pytest.approx(6 + np.pi * 0.3**2, rel=0.02)
    square = make_mesh(cube.vertices, cube.faces[cube.face_normals[:, 0] > 0.5])
    _, method = cut(_Failing(Piece(square, 1, 0, 1.0, None)), tool, "outside")
    assert method == "clip"

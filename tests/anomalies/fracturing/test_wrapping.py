from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pipeline.anomalies.fracturing.bodies import cut, part_bodies
from pipeline.anomalies.fracturing.cutting import Tool, clipped
from pipeline.anomalies.fracturing.pieces import split
from pipeline.anomalies.fracturing.wrapping import OFFSET, wrapped
from pipeline.anomalies.proving.measure import join
from pipeline.geometry.raycast import RayScene
from pipeline.seeding import rng
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import read_partnet
from pipeline.shapes.shape import flatten, make_mesh
from tests.anomalies.toy_cuts import cut_part, smooth


def walls(x: float = 0.0) -> trimesh.Trimesh:
    """A unit cube's faces, each drawn out by a hundredth, so that they do not touch."""
    cube = trimesh.creation.box()
    corners = cube.triangles + 0.01 * cube.face_normals[:, None] + [x, 0, 0]
    return make_mesh(corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))


def test_walls_around_nothing_are_wrapped_to_the_solid_they_enclose() -> None:
    sheets = split(walls())
    ((solid, offset, mine),) = wrapped(sheets)
    assert len(mine) == len(sheets)
    assert offset == pytest.approx(OFFSET * 1.02 * np.sqrt(3))
    assert solid.volume() == pytest.approx((1.02 + 2 * offset) ** 3, rel=0.01)


def test_every_solid_gets_its_own_walls() -> None:
    found = wrapped([*split(walls()), *split(walls(3.0))])
    assert sorted(round(float(join(mine).bounds.mean(axis=0)[0]), 3) for _, _, mine in found) == [0.0, 3.0]


def test_sheets_are_no_solid_and_wrapping_is_deterministic() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    bowl = make_mesh(ball.vertices, ball.faces[ball.triangles_center[:, 1] < 0])
    assert wrapped([bowl]) == []
    square = make_mesh(np.eye(4)[:, :3], np.array([[0, 1, 2]]))
    assert wrapped([square]) == []
    first, second = (wrapped(split(walls()))[0][0].to_mesh64() for _ in range(2))
    assert np.array_equal(first.vert_properties, second.vert_properties)
    assert np.array_equal(first.tri_verts, second.tri_verts)


def first_hits_of_back_faces(mesh: trimesh.Trimesh, count: int = 400) -> float:
    """Share of random rays from far away that first meet a triangle from behind."""
    random = rng(0, "rays")
    origins = random.normal(size=(count, 3))
    origins *= 5 / np.linalg.norm(origins, axis=1, keepdims=True)
    inner = random.uniform(mesh.bounds[0], mesh.bounds[1], size=(count, 3))
    directions = inner - origins
    hits = mesh.ray.intersects_first(origins, directions)
    facing = (mesh.face_normals[hits[hits >= 0]] * directions[hits >= 0]).sum(axis=1)
    return float((facing > 0).mean())


def test_walls_that_nearly_meet_are_cut_as_the_solid_they_enclose() -> None:
    cube = trimesh.creation.box()
    # Every square drawn in by a hundredth: no two walls touch, and no wall closes another.
    corners = cube.triangles + 0.01 * cube.face_normals[:, None]
    loose = make_mesh(corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))
    pieces, methods = cut_part(loose, smooth("sphere", (0.51, 0, 0), 0.3))
    assert methods == {"wrapped boolean"}
    (piece,) = pieces
    assert piece.original_area == pytest.approx(6 - np.pi * 0.3**2, rel=0.01)
    assert piece.mesh.area == pytest.approx(6 - np.pi * 0.3**2 + 2 * np.pi * 0.3**2, rel=0.02)
    assert (np.abs(piece.mesh.vertices) <= 0.51 + 1e-6).all()
    # The dent has a wall wherever one looks into it.
    inner = np.linalg.norm(piece.mesh.triangles_center - [0.51, 0, 0], axis=1) < 0.29
    assert not inner.any()
    # But for the gaps between the walls.
    assert first_hits_of_back_faces(piece.mesh) < first_hits_of_back_faces(loose) + 0.01
    (inside,), _ = cut_part(loose, smooth("sphere", (0.51, 0, 0), 0.3), "inside")
    assert inside.mesh.area == pytest.approx(np.pi * 0.3**2 + 2 * np.pi * 0.3**2, rel=0.03)


def test_wrapped_body_cut_in_two_gives_two_pieces_with_their_own_walls() -> None:
    bar = trimesh.creation.box(extents=(0.2, 1, 0.2))
    corners = bar.triangles + 0.002 * bar.face_normals[:, None]
    loose = make_mesh(corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))
    pieces, methods = cut_part(loose, smooth("cube", (0, 0.1, 0), 0.15))
    assert methods == {"wrapped boolean"}
    lower, upper = sorted(pieces, key=lambda piece: float(piece.mesh.bounds[0, 1]))
    assert lower.mesh.bounds[1, 1] == pytest.approx(-0.05, abs=0.005)
    assert upper.mesh.bounds[0, 1] == pytest.approx(0.25, abs=0.005)
    assert first_hits_of_back_faces(join([lower.mesh, upper.mesh])) < first_hits_of_back_faces(loose) + 0.01


def test_walls_of_a_real_chair_are_cut_as_the_solid_they_enclose(shared_data: Path) -> None:
    shape = read_partnet(shared_data / "partnet" / "39055", ShapesConfig())
    mesh = shape.part(2).mesh
    assert not mesh.is_watertight
    bodies = part_bodies(mesh, 2, [RayScene(flatten((p.part_id, p.mesh) for p in shape.parts))])
    assert {body.method for body in bodies} == {"wrapped boolean"}
    tool = Tool.of(smooth("sphere", tuple(mesh.bounds.mean(axis=0)), 0.15))
    left = join(piece.mesh for body in bodies for piece in cut(body, tool, "outside")[0])
    through = join(clipped(body.intact.mesh, tool, "outside") or body.intact.mesh for body in bodies)
    assert first_hits_of_back_faces(through) > first_hits_of_back_faces(mesh) + 0.1
    assert first_hits_of_back_faces(left) < first_hits_of_back_faces(mesh) + 0.02

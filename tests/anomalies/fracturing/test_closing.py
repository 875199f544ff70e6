from __future__ import annotations

import numpy as np
import pytest
import trimesh

from pipeline.anomalies.fracturing.closing import boundary_loops, cap, mended
from pipeline.anomalies.fracturing.pieces import split
from pipeline.shapes.shape import make_mesh


def _closed(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    vertices, faces = cap(mesh)
    return make_mesh(np.vstack([mesh.vertices, vertices]), np.vstack([mesh.faces, faces]))


def test_tube_open_at_both_ends_is_closed_to_a_cylinder() -> None:
    cylinder = trimesh.creation.cylinder(radius=0.5, height=2, sections=32)
    tube = make_mesh(cylinder.vertices, cylinder.faces[np.abs(cylinder.face_normals[:, 2]) < 0.5])
    assert len(boundary_loops(np.asarray(tube.faces))) == 2
    closed = _closed(tube)
    assert closed.is_watertight
    assert closed.is_winding_consistent
    assert closed.volume == pytest.approx(cylinder.volume)


def test_closed_mesh_needs_no_caps() -> None:
    vertices, faces = cap(trimesh.creation.icosphere(subdivisions=2))
    assert vertices.shape == (0, 3)
    assert faces.shape == (0, 3)


def test_boundary_that_touches_itself_in_a_vertex_is_two_loops() -> None:
    # Two triangles of a fan around vertex 0, opposite each other: their boundaries meet in it.
    faces = np.array([[0, 1, 2], [0, 3, 4]], dtype=np.int64)
    assert sorted(sorted(loop) for loop in boundary_loops(faces)) == [[0, 1, 2], [0, 3, 4]]


def test_walls_that_meet_a_box_in_its_edges_leave_it_closed() -> None:
    cube = trimesh.creation.box()
    wall = np.array([[0, 1, 7], [0, 7, 6]], dtype=np.int64)
    parts = split(mended(make_mesh(cube.vertices, np.vstack([cube.faces, wall]))))
    assert sorted(len(part.faces) for part in parts) == [2, 12]
    assert max(parts, key=lambda part: len(part.faces)).is_volume

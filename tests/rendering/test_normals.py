import numpy as np
import trimesh

from blender_scripts.normals import corner_normals


def test_cube_keeps_its_flat_faces() -> None:
    box = trimesh.creation.box()
    np.testing.assert_allclose(corner_normals(box.vertices, box.faces), box.face_normals.repeat(3, axis=0), atol=1e-12)


def test_sphere_is_smooth() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    normals = corner_normals(ball.vertices, ball.faces)
    radial = (normals * ball.vertices[ball.faces.ravel()]).sum(axis=1)
    assert radial.min() > 0.999


def test_neighbour_wound_against_a_face_does_not_darken_it() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
    normals = corner_normals(vertices, np.array([[0, 1, 2], [0, 3, 2]]))
    np.testing.assert_allclose(normals[:3], [[0, 0, 1]] * 3)
    np.testing.assert_allclose(normals[3:], [[0, 0, -1]] * 3)


def test_wall_that_meets_a_smooth_surface_leaves_its_normals_alone() -> None:
    """Two faces of one plane, and a third that stands on their common edge."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1]], dtype=float)
    normals = corner_normals(vertices, np.array([[0, 1, 2], [0, 2, 3], [0, 2, 4]]))
    np.testing.assert_allclose(normals[:6], [[0, 0, 1]] * 6, atol=1e-12)


def test_large_face_outweighs_a_sliver() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, -0.01, 0.004]], dtype=float)
    faces = np.array([[0, 1, 2], [1, 0, 3]])
    normal = corner_normals(vertices, faces)[0]
    assert normal[2] > 0.9999

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from pipeline.anomalies.proving.measure import distance_to_surface, free_rays, sample, surface_distance
from pipeline.geometry.raycast import RayScene
from pipeline.seeding import rng
from pipeline.shapes.shape import flatten, make_mesh
from tests.anomalies.toy_chairs import box

SQUARE = make_mesh(
    np.array([[0.0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]]), np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int64)
)


def test_plate_lifted_off_itself_is_as_far_away_as_it_was_lifted() -> None:
    lifted = make_mesh(np.add(SQUARE.vertices, [0, 0.1, 0]), SQUARE.faces)
    distance = surface_distance(SQUARE, lifted, rng(0))
    assert distance.mean == pytest.approx(0.1, abs=1e-6)
    assert distance.max == pytest.approx(0.1, abs=1e-6)
    assert distance.gone_share == 1
    assert len(distance.gone) == len(distance.new) > 0


def test_surface_is_at_distance_zero_from_itself_however_it_is_triangulated() -> None:
    distance = surface_distance(SQUARE, SQUARE.subdivide().subdivide(), rng(0))
    assert distance.max < 1e-6
    assert distance.gone_share == 0
    assert len(distance.gone) == len(distance.new) == 0


def test_plate_slid_sideways_differs_only_at_its_edges() -> None:
    slid = make_mesh(np.add(SQUARE.vertices, [0.1, 0, 0]), SQUARE.faces)
    distance = surface_distance(SQUARE, slid, rng(0))
    # A tenth of each plate sticks out, by 0 to 0.1: the mean is 0.1 * 0.05.
    assert distance.mean == pytest.approx(0.005, rel=0.2)
    assert distance.max == pytest.approx(0.1, abs=0.005)
    assert distance.gone_share == pytest.approx(0.095, abs=0.02)  # what sticks out by more than the tolerance


def _try_every_triangle(points: NDArray[np.float64], mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    nearest = [
        np.linalg.norm(trimesh.triangles.closest_point(np.repeat(t[None], len(points), 0), points) - points, axis=1)
        for t in mesh.triangles
    ]
    return np.min(nearest, axis=0)


def test_distance_agrees_with_trying_every_triangle() -> None:
    errors = []
    for seed in range(60):
        mesh = trimesh.convex.convex_hull(rng(seed, "hull").normal(size=(14, 3)) * [1, 0.3, 1])
        points = sample(mesh, 60, rng(seed)) + rng(seed, "shift").normal(size=3) * 0.2
        errors.append(distance_to_surface(points, mesh) - _try_every_triangle(points, mesh))
    assert np.min(errors) > -1e-6
    assert (np.array(errors) > 1e-6).mean() < 0.002


def test_cameras_above_reach_the_top_of_a_table_but_not_its_underside_nor_what_is_in_a_box() -> None:
    table = flatten([(1, box((4, 0.1, 4), (0, 0, 0))), (2, box((4, 0.1, 4), (0, -0.3, 0)))])
    seen = free_rays(np.array([[0, 0.05, 0], [0, -0.05, 0], [0, 0.0, 0]]), RayScene(table)).any(axis=1)
    assert seen.tolist() == [True, False, False]

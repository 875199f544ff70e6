"""Distances from triangles, and which positions lie on the parts of a mesh, by numbers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.format.schema import Mesh
from pipeline.format.surface import Surface, distances

#: A right angle at the origin, legs of 1 along x and y.
TRIANGLE = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("position", "distance"),
    [
        ((0.2, 0.3, 0.0), 0),
        ((0.2, 0.3, -0.4), 0.4),
        ((0.5, -2, 0), 2),
        ((1, 1, 0), np.sqrt(0.5)),
        ((1, 1, 1), np.sqrt(1.5)),
        ((4, 0, 4), 5),
        ((-3, -4, 0), 5),
    ],
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_distance_over_a_triangle_beside_an_edge_and_beyond_a_corner(
    position: tuple[float, float, float], distance: float, order: tuple[int, int, int]
) -> None:
    found = distances(np.array([position], dtype=np.float64), TRIANGLE[None, list(order)])
    assert found == pytest.approx([distance], abs=1e-12)


def test_triangles_without_area_are_lines_and_points() -> None:
    line, point = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.ones((3, 3))
    found = distances(np.array([[1.5, 0, 3], [1, 1, 3]]), np.stack([line, point]))
    assert found.tolist() == [3, 2]


def test_a_position_must_lie_on_its_own_part() -> None:
    """Part 2 is a triangle; part 7 the same one, a unit higher."""
    corners = np.concatenate([TRIANGLE, TRIANGLE + np.array([0, 0, 1])]).astype(np.float32)
    faces, part_ids = np.arange(6, dtype=np.int32).reshape(2, 3), np.array([2, 7], np.uint16)
    surface = Surface(Mesh(corners, faces, part_ids, {2: "low", 7: "high"}))
    assert surface.low.tolist() == [[0, 0, 0], [0, 0, 1]] and surface.high.tolist() == [[1, 1, 0], [1, 1, 1]]
    positions = np.array([[0.2, 0.2, 0], [0.2, 0.2, 1], [0.2, 0.2, 0], [0.9, 0.9, 0], [0.2, 0.2, 1.05], [np.nan, 0, 0]])
    ids = np.array([2, 7, 7, 2, 7, 2], np.uint16)
    assert surface.holds(positions, ids, 0.01).tolist() == [True, True, False, False, False, False]
    assert surface.holds(positions, ids, 0.1).tolist() == [True, True, False, False, True, False]
    assert surface.holds(positions[:1], np.array([5], np.uint16), 0.1).tolist() == [False]

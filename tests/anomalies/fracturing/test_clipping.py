from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from trimesh.triangles import area

from pipeline.anomalies.fracturing.clipping import clip_triangles, refine
from pipeline.seeding import rng
from pipeline.shapes.shape import make_mesh


def test_refined_mesh_is_the_same_closed_surface_with_short_edges_where_asked() -> None:
    box = trimesh.creation.box()
    near = lambda t: t[..., 0].max(axis=1) > 0.3  # noqa: E731
    vertices, faces = refine(np.asarray(box.vertices), np.asarray(box.faces), near, 0.2)
    fine = make_mesh(vertices, faces)
    assert fine.is_watertight
    assert fine.is_winding_consistent
    assert fine.area == pytest.approx(box.area)
    assert fine.volume == pytest.approx(box.volume)
    edges = np.linalg.norm(fine.triangles - np.roll(fine.triangles, 1, axis=1), axis=2)
    assert edges[near(fine.triangles)].max() <= 0.2
    assert edges[~near(fine.triangles)].max() > 0.2


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_both_sides_of_a_clip_make_up_the_whole(seed: int) -> None:
    random = rng(seed, "test")
    triangles = random.normal(size=(30, 3, 3))
    normal, offset = random.normal(size=3), random.normal() / 2
    field = triangles @ normal - offset
    outside, inside = clip_triangles(triangles, field), clip_triangles(triangles, -field)
    assert area(outside).sum() + area(inside).sum() == pytest.approx(area(triangles).sum())
    assert (outside @ normal - offset >= -1e-9).all()
    assert (inside @ normal - offset <= 1e-9).all()


def test_clip_keeps_the_winding() -> None:
    triangle = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    for corner in range(3):
        for side in (1.0, -1.0):
            field = np.full((1, 3), -side)
            field[0, corner] = side
            kept = clip_triangles(triangle, field)
            normals = np.cross(kept[:, 1] - kept[:, 0], kept[:, 2] - kept[:, 0])
            assert (normals[:, 2] > 0).all()
            # Half-way along two edges lies a quarter of the triangle.
            assert area(kept).sum() == pytest.approx(0.125 if side > 0 else 0.375)

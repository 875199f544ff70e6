"""Smoothing takes noise away and leaves size and form."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from pipeline.errors import PipelineError
from pipeline.shapes.normalising import to_unit_frame
from pipeline.shapes.shape import Part, Shape, make_mesh
from pipeline.shapes.smoothing import smooth


def shape_of(*meshes: trimesh.Trimesh) -> Shape:
    parts = (Part(n, "part", n, (0, n), mesh) for n, mesh in enumerate(to_unit_frame(meshes), 1))
    return Shape("subject", "", "", tuple(parts))


def noisy_ball(amplitude: float = 0.01) -> trimesh.Trimesh:
    ball = trimesh.creation.icosphere(subdivisions=4)
    noise = np.random.default_rng(0).normal(0, amplitude, (len(ball.vertices), 1))
    return make_mesh(ball.vertices * (1 + noise), ball.faces)


def radii(shape: Shape) -> np.ndarray:
    return np.linalg.norm(np.concatenate([part.mesh.vertices for part in shape.parts]), axis=1)


def test_a_noisy_ball_becomes_a_round_one_of_the_same_volume() -> None:
    ball = shape_of(noisy_ball())
    smoothed = smooth(ball, 10)
    assert radii(smoothed).std() < 0.5 * radii(ball).std()
    scale = radii(smoothed).mean() / radii(ball).mean()  # the frame follows the farthest vertex, which was noise
    assert smoothed.parts[0].mesh.volume == pytest.approx(scale**3 * ball.parts[0].mesh.volume, rel=0.01)
    assert radii(smoothed).max() == pytest.approx(1, abs=1e-6)


def test_an_open_bowl_does_not_shrink() -> None:
    ball = noisy_ball(0.002)
    bowl = ball.submesh([ball.triangles_center[:, 1] < 0.2], append=True)
    before, after = shape_of(bowl), smooth(shape_of(bowl), 20)
    assert after.parts[0].mesh.area == pytest.approx(before.parts[0].mesh.area, rel=0.03)


def test_parts_stay_in_place_beside_each_other() -> None:
    left, right = noisy_ball(0.002), noisy_ball(0.002)
    right.apply_translation([3, 0, 0])
    after = smooth(shape_of(left, right), 5)
    centres = [part.mesh.vertices.mean(axis=0) for part in after.parts]
    np.testing.assert_allclose(centres, [[-0.6, 0, 0], [0.6, 0, 0]], atol=0.01)
    assert after.parts[0].label == "part" and after.parts[1].part_id == 2


def test_a_box_of_twelve_triangles_is_refused_for_it_would_melt() -> None:
    with pytest.raises(
        PipelineError, match=r"5 rounds of smoothing move the surface of subject by up to 0\.\d\d .*CAD"
    ):
        smooth(shape_of(trimesh.creation.box((1, 2, 0.5))), 5)

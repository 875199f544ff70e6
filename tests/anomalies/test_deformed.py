from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.anomalies.config import AnomaliesConfig, DeformedConfig
from pipeline.anomalies.fracturing.clipping import refine
from pipeline.anomalies.proving.measure import join
from pipeline.anomalies.proving.proof import measure
from pipeline.anomalies.types import deformed
from pipeline.anomalies.types.deformed import bend, bow, dent
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh
from tests.anomalies.random_solids import closed_solid, on_a_plate, solids
from tests.anomalies.toy_chairs import LEG, SEAT, assemble, box, chair, task

X, Y, Z = np.eye(3)
BENT = AnomaliesConfig(deformed=DeformedConfig(bent_share=1.0))
DENTED = AnomaliesConfig(deformed=DeformedConfig(bent_share=0.0))


def _stool(leg: trimesh.Trimesh) -> Shape:
    return assemble("stool", [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), leg)])


@settings(max_examples=30, deadline=None)
@given(mesh=solids(), seed=st.integers(0, 10_000), bent=st.booleans())
def test_deformed_solid_stays_closed(mesh: trimesh.Trimesh, seed: int, bent: bool) -> None:
    try:
        change = deformed.draw(task(on_a_plate(mesh), 2, config=BENT if bent else DENTED), rng(seed))
    except UnitRejected as rejection:
        assert rejection.reason in ("hidden", "shallow")
        return
    left = closed_solid(change)
    assert left.volume > 0
    assert left.euler_number == mesh.euler_number


def test_bend_is_an_arc_between_two_straight_ends() -> None:
    move, curved = bend(np.zeros(3), X, Y, zone=1.0, angle=np.pi / 2)
    line = np.linspace(-1, 2, 301)[:, None] * X
    bent = move(line)
    np.testing.assert_allclose(bent[:101], line[:101], atol=1e-12)
    # A quarter circle of length 1, then straight up.
    radius = 2 / np.pi
    np.testing.assert_allclose(np.linalg.norm(bent[100:201] - radius * Y, axis=1), radius)
    np.testing.assert_allclose(bent[200:], [[radius, radius + s, 0] for s in np.linspace(0, 1, 101)], atol=1e-12)
    # Lengths along the middle line are kept.
    steps = np.linalg.norm(np.diff(bent, axis=0), axis=1)
    np.testing.assert_allclose(steps, 0.01, rtol=1e-3)
    # Both ends move as rigid bodies.
    ends = np.array([[1.5, 0.1, 0.2], [1.7, -0.1, 0.3], [-0.5, 0.1, 0.2], [-0.7, 0.3, -0.2]])
    moved = move(ends)
    for a, b in ((0, 1), (2, 3)):
        assert np.linalg.norm(moved[a] - moved[b]) == pytest.approx(np.linalg.norm(ends[a] - ends[b]))
    triangles = np.array([[X * 2, X * 3, X * 2 + Y], [-X, -X + Y, -X + Z], [X * 0.5, X * 3, Y]])
    assert curved(triangles).tolist() == [False, False, True]


def test_bent_bar_keeps_its_volume() -> None:
    bar = box((1.0, 0.1, 0.1), (0.5, 0, 0))
    move, curved = bend(0.2 * X, X, Y, zone=0.6, angle=1.0)
    vertices, faces = refine(np.asarray(bar.vertices), np.asarray(bar.faces), curved, 0.03)
    # By Pappus: the middle line is as long as before.
    assert make_mesh(move(vertices), faces).volume == pytest.approx(bar.volume, rel=1e-3)


def test_bow_moves_the_middle_alone() -> None:
    move, _ = bow(np.zeros(3), X, Y, 2.0, np.radians(40))
    moved = move(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]))
    height = 2 * np.tan(np.radians(20)) / np.pi
    np.testing.assert_allclose(moved, [[0, 0, 0], [1, height, 0], [2, 0, 0]], atol=1e-12)
    profile = move(np.linspace(0, 2, 2001)[:, None] * X)
    slope = np.degrees(np.arctan(np.diff(profile[:, 1]) / np.diff(profile[:, 0])))
    assert np.ptp(slope) == pytest.approx(40, abs=0.1)


def test_dent_is_as_deep_as_asked_and_local() -> None:
    move, _ = dent(np.zeros(3), -Y, 0.3, 0.1)
    points = np.array([[0, 0, 0], [0.29, 0, 0], [0.31, 0, 0], [0, -1, 0], [0, -0.02, 0]])
    fall = points[:, 1] - move(points)[:, 1]
    assert fall[0] == pytest.approx(0.1)
    assert 0 < fall[1] < 0.01
    assert fall[2] == fall[3] == 0
    assert fall[4] == pytest.approx(0.1, rel=0.05)  # the other side of something thin
    line = move(np.linspace(-1, 1, 1001)[:, None] * Y)
    assert (np.diff(line[:, 1]) > 0).all()  # nothing folds


def test_bent_legs_held_end_stays_and_its_other_end_moves() -> None:
    leg = box((0.08, 0.9, 0.08), (0, -0.05, 0))
    for seed in range(8):
        change = deformed.draw(task(_stool(leg), 2, config=BENT), rng(seed))
        assert change.parameters["held"] == "one end"
        mesh = change.replaced[2]
        assert mesh is not None
        top = mesh.vertices[mesh.vertices[:, 1] > 0.4 - 1e-6]
        for corner in leg.vertices[leg.vertices[:, 1] > 0]:
            assert np.linalg.norm(top - corner, axis=1).min() < 1e-9
        foot = leg.vertices[leg.vertices[:, 1] < -0.4].mean(axis=0)
        assert np.linalg.norm(mesh.vertices - foot, axis=1).min() > 0.03


def test_bar_held_at_both_ends_bows() -> None:
    shape = assemble(
        "ladder",
        [
            (SEAT, (0, 1), _posts()),
            (LEG, (0, 2), box((0.8, 0.04, 0.04), (0, 0, 0))),
        ],
    )
    change = deformed.draw(task(shape, 2, config=BENT), rng(0))
    assert change.parameters["held"] == "both ends"
    mesh = change.replaced[2]
    assert mesh is not None
    ends = mesh.vertices[np.abs(mesh.vertices[:, 0]) > 0.4 - 1e-9]
    np.testing.assert_allclose(np.abs(ends[:, 1:]), 0.02, atol=1e-3)
    assert np.abs(mesh.vertices[:, 1:]).max() > 0.04


def _posts() -> trimesh.Trimesh:
    return join([box((0.1, 0.8, 0.1), (-0.45, 0, 0)), box((0.1, 0.8, 0.1), (0.45, 0, 0))])


@pytest.mark.parametrize("config", [BENT, DENTED])
def test_deformation_passes_its_proof_and_a_shallow_one_does_not(config: AnomaliesConfig) -> None:
    work = task(chair(), 2, config=config)
    proof = measure(work, deformed.draw(work, rng(2)).replaced, rng(2))
    deformed.accept(proof, config)
    strict = AnomaliesConfig(deformed=DeformedConfig(min_distance=1.0))
    with pytest.raises(UnitRejected) as rejection:
        deformed.accept(proof, strict)
    assert rejection.value.reason == "shallow"
    with pytest.raises(UnitRejected) as rejection:
        deformed.draw(task(chair(), 2, config=strict), rng(2))
    assert rejection.value.reason == "shallow"

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pipeline.anomalies.config import AnomaliesConfig, CrackedConfig
from pipeline.anomalies.fracturing.pieces import split
from pipeline.anomalies.proving.measure import sample
from pipeline.anomalies.proving.proof import measure
from pipeline.anomalies.types import cracked
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh
from tests.anomalies.random_solids import closed_solid, on_a_plate, solids
from tests.anomalies.toy_chairs import BACK, LEG, SEAT, assemble, box, chair, task


def _stool() -> Shape:
    return assemble(
        "stool",
        [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), box((0.1, 0.9, 0.1), (0, -0.05, 0)))],
    )


def _draws(shape: Shape, part: int, count: int, config: AnomaliesConfig | None = None) -> list[trimesh.Trimesh]:
    made = []
    for seed in range(count):
        try:
            mesh = cracked.draw(task(shape, part, config=config), rng(seed)).replaced[part]
        except UnitRejected:
            continue
        assert mesh is not None
        made.append(mesh)
    return made


@settings(max_examples=30, deadline=None)
@given(mesh=solids(), seed=st.integers(0, 10_000))
def test_cracked_solid_stays_closed_and_loses_nothing(mesh: trimesh.Trimesh, seed: int) -> None:
    try:
        change = cracked.draw(task(on_a_plate(mesh), 2), rng(seed, "draw"))
    except UnitRejected as rejection:
        assert rejection.reason in ("removed-share", "hidden", "no-crack")
        return
    left = closed_solid(change)
    assert left.volume == pytest.approx(mesh.volume, rel=1e-4)
    assert len(split(left)) > len(split(mesh))
    # Both pieces have a fracture surface.
    assert left.area > mesh.area
    low, high = CrackedConfig().piece_share
    assert low <= change.measured["piece_share"] <= high


def _gap(piece: trimesh.Trimesh, other: trimesh.Trimesh) -> float:
    return float(np.min(cKDTree(sample(other, 4000, rng(1))).query(sample(piece, 2000, rng(0)))[0]))


def test_crack_opens_a_gap_of_the_configured_width() -> None:
    config = AnomaliesConfig(cracked=CrackedConfig(gap=(0.03, 0.03), turn_degrees=(3.0, 3.0), roughness=0.0))
    bars = _draws(_stool(), 2, 12, config)
    assert len(bars) >= 6
    through = 0
    for mesh in bars:
        upper, *moved = sorted(split(mesh), key=lambda piece: -float(piece.bounds[1, 1]))
        assert upper.bounds[1, 1] == pytest.approx(0.4)  # what the seat holds is where it was
        width = min(_gap(piece, upper) for piece in moved)
        assert width < 0.05
        if upper.bounds[0, 1] > -0.45:
            # Cut through, not chipped: nothing but the displacement holds the ends apart.
            through += 1
            assert width > 0.01
            assert all(abs(corner) > 1e-3 for corner in np.asarray(mesh.vertices)[:, 1] + 0.5)
    assert through >= 3


def test_what_hangs_on_the_piece_goes_with_it() -> None:
    shape = _stool()
    for seed in range(12):
        try:
            change = cracked.draw(task(shape, 2), rng(seed))
        except UnitRejected:
            continue
        mesh = change.replaced[2]
        assert mesh is not None
        pieces = split(mesh)
        rotation, translation = (np.array(change.parameters[k]) for k in ("rotation", "translation"))
        moved = [p for p in pieces if p.bounds[1, 1] < 0.399]
        volume = sum(p.volume for p in moved) / 0.009
        assert volume == pytest.approx(change.measured["piece_share"], abs=1e-3)
        for piece in moved:  # moved back, every piece lies within the leg
            back = (np.asarray(piece.vertices) - translation) @ rotation
            assert (np.abs(back - [0, -0.05, 0]) <= np.array([0.05, 0.45, 0.05]) + 1e-6).all()


def test_sheet_is_cracked_into_two_that_have_all_its_area() -> None:
    square = make_mesh(
        np.array([[-0.4, 0.05, 0], [0.4, 0.05, 0], [0.4, 0.8, 0], [-0.4, 0.8, 0]]),
        np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int64),
    )
    shape = assemble("screen", [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0, 0))), (BACK, (0, 2), square)])
    meshes = _draws(shape, 2, 6)
    assert len(meshes) >= 3
    for mesh in meshes:
        assert mesh.area == pytest.approx(square.area, rel=1e-3)
        assert len(split(mesh)) >= 2
        assert np.abs(mesh.vertices[:, 2]).max() > 0.003  # a piece left the plane


def test_crack_passes_its_proof_and_an_invisible_step_does_not() -> None:
    work = task(chair(), 2)
    proof = measure(work, cracked.draw(work, rng(1)).replaced, rng(1))
    cracked.accept(proof, work.config)
    strict = AnomaliesConfig(cracked=CrackedConfig(min_gone_share=1.0))
    with pytest.raises(UnitRejected) as rejection:
        cracked.accept(proof, strict)
    assert rejection.value.reason == "unchanged"

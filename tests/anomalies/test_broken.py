from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.anomalies.config import AnomaliesConfig, BrokenConfig
from pipeline.anomalies.fracturing.pieces import Piece, crumbs, held
from pipeline.anomalies.proving.measure import join
from pipeline.anomalies.proving.proof import measure
from pipeline.anomalies.types import broken
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import make_mesh
from tests.anomalies.random_solids import closed_solid, on_a_plate, solids
from tests.anomalies.toy_chairs import LEG, SEAT, assemble, box, chair, task
from tests.anomalies.toy_cuts import cut_part, smooth


def test_lower_half_of_a_leg_falls_off_where_the_leg_is_cut_through() -> None:
    shape = assemble(
        "stool",
        [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), box((0.1, 0.9, 0.1), (0, -0.05, 0)))],
    )
    pieces, _ = cut_part(shape.part(2).mesh, smooth("cube", (0, -0.05, 0), 0.1))
    assert len(pieces) == 2
    intact = [Piece(shape.part(2).mesh, 2, 0, 1.0, None)]
    stays = held(intact, pieces, task(shape, 2).rest_points, rng(0))
    heights = [piece.mesh.bounds[0, 1] for piece, stay in zip(pieces, stays, strict=True) if stay]
    assert heights == pytest.approx([0.05])  # the upper piece alone


def test_part_that_touches_nothing_keeps_its_largest_piece() -> None:
    shape = assemble(
        "apart",
        [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.5, 0))), (LEG, (0, 2), box((0.1, 0.8, 0.1), (0, -0.2, 0)))],
    )
    pieces, _ = cut_part(shape.part(2).mesh, smooth("cube", (0, 0, 0), 0.1))
    intact = [Piece(shape.part(2).mesh, 2, 0, 1.0, None)]
    stays = held(intact, pieces, task(shape, 2).rest_points, rng(0))
    volumes = np.array([piece.mesh.volume for piece in pieces])
    assert stays.tolist() == (volumes == volumes.max()).tolist()


def test_only_small_pieces_of_what_fell_apart_are_crumbs() -> None:
    mesh = trimesh.creation.box()
    intact = [Piece(mesh, 1, 0, 100.0, None), Piece(mesh, 1, 1, 0.01, None)]
    left = [Piece(mesh, 1, 0, 90.0, None), Piece(mesh, 1, 0, 0.1, None), Piece(mesh, 1, 1, 0.01, None)]
    assert crumbs(intact, left).tolist() == [False, True, False]


@settings(max_examples=40, deadline=None)
@given(mesh=solids(), seed=st.integers(0, 10_000))
def test_broken_solid_stays_closed_and_loses_a_share_within_the_limits(mesh: trimesh.Trimesh, seed: int) -> None:
    shape = on_a_plate(mesh)
    try:
        change = broken.draw(task(shape, 2), rng(seed, "draw"))
    except UnitRejected as rejection:
        assert rejection.reason in ("removed-share", "hidden")
        return
    left = closed_solid(change)
    assert 0 < left.volume < mesh.volume
    assert change.measured["removed_share"] == pytest.approx(1 - left.volume / mesh.volume, abs=1e-4)
    assert 0.1 - 1e-4 <= 1 - left.volume / mesh.volume <= 0.6 + 1e-4
    assert (left.bounds[0] >= mesh.bounds[0] - 1e-6).all()
    assert (left.bounds[1] <= mesh.bounds[1] + 1e-6).all()


def test_nearly_all_draws_succeed() -> None:
    succeeded = 0
    for seed in range(20):
        try:
            broken.draw(task(chair(), 2), rng(seed))
            succeeded += 1
        except UnitRejected:
            continue
    assert succeeded >= 18


def test_loose_fragments_float_where_the_config_keeps_them() -> None:
    shape = assemble(
        "stool",
        [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), box((0.06, 0.9, 0.06), (0, -0.05, 0)))],
    )

    def lowest(fragments: str) -> list[float]:
        config = AnomaliesConfig(broken=BrokenConfig.model_validate({"fragments": fragments}))
        found = []
        for seed in range(12):
            try:
                left = broken.draw(task(shape, 2, config=config), rng(seed)).replaced[2]
            except UnitRejected:
                continue
            if left is not None:
                found.append(float(left.bounds[0, 1]))
        return found

    # A leg cut through keeps its lower end only if loose fragments are kept.
    assert min(lowest("keep")) == pytest.approx(-0.5)
    assert sum(low < -0.49 for low in lowest("keep")) > sum(low < -0.49 for low in lowest("remove"))


def test_part_that_nobody_sees_is_refused_at_once() -> None:
    inner = box((0.2, 0.2, 0.2), (0, 0, 0))
    shape = assemble("closed", [(SEAT, (0, 1), box((1, 1, 1), (0, 0, 0))), (LEG, (0, 2), inner)])
    with pytest.raises(UnitRejected) as rejection:
        broken.draw(task(shape, 2), rng(0))
    assert rejection.value.reason == "hidden"


def test_shallow_fracture_is_refused() -> None:
    config = AnomaliesConfig(broken=BrokenConfig(min_depth=5.0))
    work = task(chair(), 2, config=config)
    proof = measure(work, broken.draw(work, rng(1)).replaced, rng(1))
    with pytest.raises(UnitRejected) as rejection:
        broken.accept(proof, config)
    assert rejection.value.reason == "shallow"


def test_group_is_broken_as_one_part() -> None:
    shape = chair()
    before = join(shape.part(i).mesh for i in (7, 8)).volume
    for seed in range(5):
        try:
            change = broken.draw(task(shape, 7, 8), rng(seed, "arm"))
        except UnitRejected:
            continue
        assert set(change.replaced) == {7, 8}
        after = sum(m.volume for m in change.replaced.values() if m is not None)
        assert change.measured["removed_share"] == pytest.approx(1 - after / before, abs=1e-4)
        return
    pytest.fail("five draws failed")


def test_same_random_state_gives_the_same_mesh() -> None:
    loose = make_mesh(*_loose_box())
    shape = on_a_plate(loose)
    first, second = (broken.draw(task(shape, 2), rng(3)).replaced[2] for _ in range(2))
    assert first is not None
    assert second is not None
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.faces, second.faces)


def _loose_box() -> tuple[np.ndarray, np.ndarray]:
    """Six walls that do not touch: cut through a wrap."""
    cube = trimesh.creation.box(extents=(0.4, 0.4, 0.4))
    corners = cube.triangles + 0.004 * cube.face_normals[:, None]
    return corners.reshape(-1, 3), np.arange(36).reshape(-1, 3)

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy.spatial.transform import Rotation

from pipeline.anomalies.config import AnomaliesConfig, SwappedConfig
from pipeline.anomalies.proving.measure import join
from pipeline.anomalies.proving.proof import measure
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node, find_nodes
from pipeline.anomalies.types import swapped
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh
from tests.anomalies.toy_chairs import ARM, LEG, SEAT, assemble, box, catalogue, chair, task

#: Lets twins pass, where a test is about how they fit.
LENIENT = AnomaliesConfig(min_mean_distance=0, min_relative_distance=0)


def _with_leg(shape_id: str, leg: trimesh.Trimesh) -> Shape:
    return assemble(shape_id, [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), leg)])


def test_donor_fills_the_targets_bounding_box_or_keeps_its_proportions() -> None:
    own, other = chair("own"), chair("other", leg=0.12)
    donors = catalogue(own, other)
    fits = set()
    for seed in range(10):
        change = swapped.draw(task(own, 3, donors=donors, config=LENIENT), rng(seed))
        assert change.parameters["donor_shape"] == "other"
        assert change.parameters["donor_label"] == LEG
        new = change.replaced[3]
        assert new is not None
        fits.add(change.parameters["fit"])
        thickness = 0.08 if change.parameters["fit"] == "box" else 0.12
        np.testing.assert_allclose(np.ptp(new.bounds, axis=0), [thickness, 0.5, thickness])
        np.testing.assert_allclose(new.bounds.mean(axis=0), own.part(3).mesh.bounds.mean(axis=0), atol=0.005)
    assert fits == {"box", "longest side"}


@pytest.mark.parametrize("scale", [(1, 1, 1), (1.04, 0.97, 1.02), (1.5, 1.45, 1.5)])
def test_twin_is_refused_as_unchanged_at_whatever_scale(scale: tuple[float, float, float]) -> None:
    pole = trimesh.creation.cylinder(radius=0.1, height=0.9, sections=32)
    lean = Rotation.from_rotvec([0.2, 0, 0.1]).as_matrix()
    leg = make_mesh(pole.vertices[:, [1, 2, 0]] @ lean.T + [0, -0.05, 0], pole.faces)
    own, twin = _with_leg("own", leg), _with_leg("twin", make_mesh(leg.vertices * scale, leg.faces))
    work = task(own, 2, donors=catalogue(own, twin))
    for seed in range(4):
        with pytest.raises(UnitRejected) as rejection:
            change = swapped.draw(work, rng(seed))
            swapped.accept(measure(work, change.replaced, rng(seed)), AnomaliesConfig())
        assert rejection.value.reason == "unchanged"


def test_rounder_donor_passes_the_proof() -> None:
    pole = trimesh.creation.cylinder(radius=0.1, height=0.9, sections=32)
    own = _with_leg("own", box((0.3, 0.9, 0.3), (0, -0.05, 0)))
    other = _with_leg("other", make_mesh(pole.vertices[:, [1, 2, 0]] * [1.2, 0.9, 1.2], pole.faces))
    config = AnomaliesConfig(min_relative_distance=0.01)
    work = task(own, 2, donors=catalogue(own, other), config=config)
    change = next(c for seed in range(9) if (c := swapped.draw(work, rng(seed))).parameters["fit"] == "box")
    proof = measure(work, change.replaced, rng(0))
    swapped.accept(proof, config)
    # The farthest point of the square leg from the cylinder in it is at a corner.
    assert proof.max_distance == pytest.approx(0.15 * (np.sqrt(2) - 1), abs=0.01)
    assert proof.volume_after == pytest.approx(0.9 * np.pi * 0.15**2, rel=0.01)


def test_donor_beyond_the_scale_limits_is_refused() -> None:
    own = _with_leg("own", box((0.1, 0.9, 0.1), (0.2, -0.05, 0)))
    other = _with_leg("other", box((0.1, 0.1, 0.1), (0, 0, 0)))
    with pytest.raises(UnitRejected) as rejection:
        swapped.draw(task(own, 2, donors=catalogue(own, other)), rng(0))
    assert rejection.value.reason == "no-fit"


def test_stool_gets_no_four_legs_in_place_of_its_column() -> None:
    own = _with_leg("own", box((0.2, 0.9, 0.2), (0, -0.05, 0)))
    splayed = join([box((0.05, 0.9, 0.05), (x, -0.05, z)) for x in (-0.35, 0.35) for z in (-0.35, 0.35)])
    with pytest.raises(UnitRejected) as rejection:
        swapped.draw(task(own, 2, donors=catalogue(own, _with_leg("other", splayed))), rng(0))
    assert rejection.value.reason == "no-fit"


def test_leg_that_leans_gives_its_slot_to_an_upright_one_that_then_leans_as_much() -> None:
    lean = Rotation.from_rotvec([0, 0, np.radians(20)]).as_matrix()
    bar = box((0.06, 0.8, 0.06), (0, 0, 0))
    own = _with_leg("own", make_mesh(bar.vertices @ lean.T, bar.faces))
    thick = box((0.12, 0.8, 0.05), (0, -0.05, 0))
    work = task(own, 2, donors=catalogue(own, _with_leg("other", thick)), config=LENIENT)
    change = swapped.draw(work, rng(0))
    assert change.parameters["turn_degrees"] == pytest.approx(20, abs=0.5)
    assert change.measured["method"] == "swap by oriented boxes"
    new = change.replaced[2]
    assert new is not None
    longest = np.linalg.svd(new.vertices - new.vertices.mean(axis=0))[2][0]
    assert abs(longest @ lean[:, 1]) == pytest.approx(1, abs=1e-3)


def test_donor_that_leaves_a_gap_is_moved_to_touch_the_part_that_the_original_touched() -> None:
    # An arch touches the seat with all its top; a ball as large only at its pole, which lies elsewhere.
    own = assemble(
        "own",
        [
            (SEAT, (0, 1), box((0.4, 0.1, 0.4), (0, 0.45, 0))),
            (LEG, (0, 2), box((0.6, 0.6, 0.6), (0.45, 0.1, 0))),
        ],
    )
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3)
    other = _with_leg("other", make_mesh(ball.vertices, ball.faces))
    work = task(own, 2, donors=catalogue(own, other))
    change = swapped.draw(work, rng(0))
    new = change.replaced[2]
    assert new is not None
    assert np.min(work.rest_tree.query(new.vertices)[0]) < 0.02
    np.testing.assert_allclose(np.ptp(new.bounds, axis=0), 0.6, atol=1e-6)


def test_same_kind_stands_in_where_no_donor_has_the_label() -> None:
    own = chair("own")
    foot = "chair/chair_base/foot_base/foot"
    other = assemble(
        "other", [(SEAT, (0, 1), box((1, 0.1, 1), (0, 0, 0))), (foot, (0, 2), box((0.14, 0.4, 0.05), (0.2, -0.3, 0.3)))]
    )
    change = swapped.draw(task(own, 3, donors=catalogue(own, other)), rng(0))
    assert change.parameters["donor_label"] == foot


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), mirrored=st.booleans())
def test_swapped_hull_is_the_donor_scaled_per_axis_closed_and_outward(seed: int, mirrored: bool) -> None:
    def hull(name: str, side: float) -> trimesh.Trimesh:
        random = rng(seed, name)
        pose = Rotation.random(random_state=int(random.integers(1000))).as_matrix()
        points = random.normal(size=(14, 3)) * [0.1, 0.2, 0.07] @ pose.T
        mesh = trimesh.convex.convex_hull(points + np.array([side, 0.2, 0]))
        return make_mesh(mesh.vertices, mesh.faces)

    own = _with_leg("own", hull("own", 0.3))
    donor = hull("other", -0.3 if mirrored else 0.3)
    config = AnomaliesConfig(swapped=SwappedConfig(scale_limits=(0.2, 5.0)))
    work = task(own, 2, donors=catalogue(own, _with_leg("other", donor)), config=config)
    try:
        change = swapped.draw(work, rng(seed))
    except UnitRejected:
        return
    assert set(change.replaced) == {2}
    new = change.replaced[2]
    assert new is not None
    assert new.is_watertight
    assert new.is_winding_consistent
    scale = np.array(change.parameters["scale"])
    assert new.volume == pytest.approx(donor.volume * np.prod(scale))
    # The affine map between corresponding vertices, found anew, stretches by the scales drawn.
    found = np.linalg.lstsq(np.column_stack([donor.vertices, np.ones(len(donor.vertices))]), new.vertices, rcond=None)[
        0
    ]
    np.testing.assert_allclose(np.linalg.svd(found[:3])[1], np.sort(scale)[::-1], rtol=1e-6)
    assert change.parameters["mirrored"] == (np.linalg.det(found[:3]) < 0)


def test_arm_of_the_other_side_is_mirrored_and_stays_outward() -> None:
    own, other = chair("own"), chair("other", back=0.3)
    donors = catalogue(own, other)
    mirrored = set()
    for seed in range(12):
        change = swapped.draw(task(own, 7, donors=donors, config=LENIENT), rng(seed))
        side = other.part(change.parameters["donor_parts"][0]).mesh.bounds[:, 0].mean()
        assert change.parameters["mirrored"] == bool(side > 0)  # part 7 is on the side of negative x
        new = change.replaced[7]
        assert new is not None
        assert new.volume > 0
        mirrored.add(change.parameters["mirrored"])
    assert mirrored == {True, False}


def test_whole_arm_is_exchanged_part_by_part() -> None:
    own, other = chair("own"), chair("other")
    work = task(own, 7, 8, donors=catalogue(own, other), config=LENIENT)
    object.__setattr__(work.target, "label", ARM)
    change = swapped.draw(work, rng(0))
    assert set(change.replaced) == {7, 8}
    for part_id, mesh in change.replaced.items():
        assert mesh is not None
        np.testing.assert_allclose(mesh.bounds, own.part(part_id).mesh.bounds, atol=1e-9)


def test_without_another_shape_there_is_no_donor() -> None:
    own = chair("own")
    with pytest.raises(UnitRejected) as rejection:
        swapped.draw(task(own, 3, donors=catalogue(own)), rng(0))
    assert rejection.value.reason == "no-donor"


@pytest.mark.parametrize("label", ["chair/chair_seat/seat_support", "table/table_base/leg"])
def test_part_of_another_label_is_no_donor(label: str) -> None:
    own, other = chair("own"), assemble("other", [(label, (0, 1), box((0.08, 0.4, 0.08), (0, 0, 0)))])
    with pytest.raises(UnitRejected, match="no other shape of the split has a part like"):
        swapped.draw(task(own, 3, donors=catalogue(own, other)), rng(0))


def test_fitting_donors_go_before_others() -> None:
    own, good = chair("own"), chair("good")
    tiny = _with_leg("a-tiny", box((0.01, 0.01, 0.01), (0, 0, 0)))
    donors = catalogue(own, good, tiny)
    config = LENIENT
    drawn = {
        swapped.draw(task(own, 3, donors=donors, config=config), rng(s)).parameters["donor_shape"] for s in range(10)
    }
    assert drawn == {"good"}


_NODES = TypeAdapter(list[Node])


def test_entries_survive_json_and_their_order_decides_nothing() -> None:
    own, other, third = chair("own"), chair("other", leg=0.1), chair("third", leg=0.12)
    by_id = {s.shape_id: s for s in (own, other, third)}
    entries = {
        i: _NODES.validate_python(json.loads(json.dumps([asdict(n) for n in find_nodes(shape)])))
        for i, shape in by_id.items()
    }
    forward = Donors(entries, by_id.__getitem__)
    backward = Donors(dict(reversed(entries.items())), by_id.__getitem__)
    for seed in range(5):
        first = swapped.draw(task(own, 3, donors=forward), rng(seed)).parameters
        assert first == swapped.draw(task(own, 3, donors=backward), rng(seed)).parameters

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import trimesh
from toy_chairs import ARM, LEG, SEAT, assemble, box, catalogue, chair, task

from pipeline.anomalies import swapped
from pipeline.anomalies.donors import Donors
from pipeline.anomalies.nodes import Node, find_nodes
from pipeline.anomalies.proof import measure, require_moved
from pipeline.config import AnomaliesConfig, SwappedConfig
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh


def _with_leg(shape_id: str, leg: trimesh.Trimesh) -> Shape:
    return assemble(shape_id, [(SEAT, (0, 1), box((0.8, 0.1, 0.8), (0, 0.45, 0))), (LEG, (0, 2), leg)])


def test_donor_fills_the_targets_bounding_box_or_keeps_its_proportions() -> None:
    own, other = chair("own"), chair("other", leg=0.12)
    donors = catalogue(own, other)
    fits = set()
    for seed in range(10):
        change = swapped.draw(task(own, 3, donors=donors), rng(seed))
        assert change.parameters["donor_shape"] == "other"
        assert change.parameters["donor_label"] == LEG
        new = change.replaced[3]
        assert new is not None
        fits.add(change.parameters["fit"])
        thickness = 0.08 if change.parameters["fit"] == "box" else 0.12
        np.testing.assert_allclose(np.ptp(new.bounds, axis=0), [thickness, 0.5, thickness])
        np.testing.assert_allclose(new.bounds.mean(axis=0), own.part(3).mesh.bounds.mean(axis=0), atol=0.005)
    assert fits == {"box", "longest side"}


def test_twin_is_refused_as_unchanged() -> None:
    own, twin = chair("own"), chair("twin")
    work = task(own, 2, donors=catalogue(own, twin))
    for seed in range(4):
        change = swapped.draw(work, rng(seed))
        assert change.parameters["donor_shape"] == "twin"
        with pytest.raises(UnitRejected) as rejection:
            require_moved(measure(work, change.replaced, rng(seed)), AnomaliesConfig())
        assert rejection.value.reason == "unchanged"


def test_rounder_donor_passes_the_proof() -> None:
    pole = trimesh.creation.cylinder(radius=0.1, height=0.9, sections=32)
    own = _with_leg("own", box((0.3, 0.9, 0.3), (0, -0.05, 0)))
    other = _with_leg("other", make_mesh(pole.vertices[:, [1, 2, 0]] * 0.9, pole.faces))
    work = task(own, 2, donors=catalogue(own, other))
    proof = measure(work, swapped.draw(work, rng(0)).replaced, rng(0))
    require_moved(proof, AnomaliesConfig())
    # The farthest point of the square leg from the cylinder in it is at a corner.
    assert proof.max_distance == pytest.approx(0.15 * (np.sqrt(2) - 1), abs=0.01)


def test_donor_beyond_the_scale_limits_stays_attached_where_the_part_was() -> None:
    own = _with_leg("own", box((0.1, 0.9, 0.1), (0.2, -0.05, 0)))
    other = _with_leg("other", box((0.1, 0.1, 0.1), (0, 0, 0)))
    change = swapped.draw(task(own, 2, donors=catalogue(own, other)), rng(0))
    new = change.replaced[2]
    assert new is not None
    np.testing.assert_allclose(np.ptp(new.bounds, axis=0), [0.1, 0.2, 0.1])  # grown by no more than two
    assert new.bounds[1, 1] == pytest.approx(0.4, abs=0.01)  # it hangs from the seat


def test_arm_of_the_other_side_is_mirrored_and_stays_outward() -> None:
    own, other = chair("own"), chair("other", back=0.3)
    donors = catalogue(own, other)
    mirrored = set()
    for seed in range(12):
        change = swapped.draw(task(own, 7, donors=donors), rng(seed))
        side = other.part(change.parameters["donor_parts"][0]).mesh.bounds[:, 0].mean()
        assert change.parameters["mirrored"] == bool(side > 0)  # part 7 is on the side of negative x
        new = change.replaced[7]
        assert new is not None
        assert new.volume > 0
        mirrored.add(change.parameters["mirrored"])
    assert mirrored == {True, False}


def test_whole_arm_is_exchanged_part_by_part() -> None:
    own, other = chair("own"), chair("other")
    work = task(own, 7, 8, donors=catalogue(own, other))
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


@pytest.mark.parametrize("label", ["chair/chair_base/foot_base/foot", "table/table_base/leg"])
def test_part_of_another_label_is_no_donor(label: str) -> None:
    own, other = chair("own"), assemble("other", [(label, (0, 1), box((0.08, 0.4, 0.08), (0, 0, 0)))])
    with pytest.raises(UnitRejected, match="no other shape of the split has a part like"):
        swapped.draw(task(own, 3, donors=catalogue(own, other)), rng(0))


def test_fitting_donors_go_before_others() -> None:
    own, good = chair("own"), chair("good")
    tiny = _with_leg("a-tiny", box((0.01, 0.01, 0.01), (0, 0, 0)))
    donors = catalogue(own, good, tiny)
    config = AnomaliesConfig(swapped=SwappedConfig(scale_limits=(0.5, 2.0)))
    drawn = {
        swapped.draw(task(own, 3, donors=donors, config=config), rng(s)).parameters["donor_shape"] for s in range(10)
    }
    assert drawn == {"good"}


def test_entries_survive_json_and_their_order_decides_nothing() -> None:
    own, other, third = chair("own"), chair("other", leg=0.1), chair("third", leg=0.12)
    by_id = {s.shape_id: s for s in (own, other, third)}
    entries = {
        i: [Node.from_entry(e) for e in json.loads(json.dumps([asdict(n) for n in find_nodes(shape)]))]
        for i, shape in by_id.items()
    }
    forward = Donors(entries, by_id.__getitem__)
    backward = Donors(dict(reversed(entries.items())), by_id.__getitem__)
    for seed in range(5):
        first = swapped.draw(task(own, 3, donors=forward), rng(seed)).parameters
        assert first == swapped.draw(task(own, 3, donors=backward), rng(seed)).parameters

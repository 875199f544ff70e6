"""Every type on real PartNet chairs: doubled, open, non-manifold and many-shelled parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.proving.measure import join, surface_distance
from pipeline.anomalies.targets.candidates import find_candidates, salience
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import find_nodes
from pipeline.format.labels import PAPER_TYPES
from pipeline.seeding import rng
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import read_partnet
from pipeline.shapes.shape import Shape

IDS = ("2323", "37574", "41656", "45075")
CONFIG = AnomaliesConfig(parts=8)  # among four chairs, many parts have no donor


@pytest.fixture(scope="module")
def chairs(shared_data: Path) -> dict[str, Shape]:
    return {i: read_partnet(shared_data / "partnet" / i, ShapesConfig()) for i in IDS}


@pytest.mark.parametrize("anomaly_type", [*PAPER_TYPES, "deformed", "cracked"])
@pytest.mark.parametrize("shape_id", IDS)
def test_anomaly_is_made_and_its_proof_holds_when_measured_again(
    chairs: dict[str, Shape], shape_id: str, anomaly_type: str
) -> None:
    shape, nodes = chairs[shape_id], {i: find_nodes(s) for i, s in chairs.items()}
    targets = sorted(find_candidates(nodes[shape_id], False, CONFIG), key=salience, reverse=True)
    donors = Donors(nodes, chairs.__getitem__)
    anomaly = make_anomaly(shape, 0, anomaly_type, targets[1:], donors, CONFIG, 0)
    after = [mesh for mesh in anomaly.replaced.values() if mesh is not None]
    if anomaly_type == "missing":
        assert not after
        return
    old = join(shape.part(i).mesh for i in anomaly.target)
    again = surface_distance(old, join(after), rng(1, "again"))
    assert again.mean == pytest.approx(anomaly.proof["mean_distance"], rel=0.25)
    if anomaly_type == "broken":
        low, high = CONFIG.broken.removed_share
        assert low <= anomaly.proof["removed_share"] <= high
        assert again.max >= 0.8 * CONFIG.broken.min_depth
        # Nothing grew: a fracture lies within the part's bounding box.
        assert (join(after).bounds[0] >= old.bounds[0] - 1e-5).all()
        assert (join(after).bounds[1] <= old.bounds[1] + 1e-5).all()
    elif anomaly_type in ("positional", "rotational", "swapped"):
        size = float(np.linalg.norm(np.ptp(old.bounds, axis=0)))
        assert again.mean >= 0.75 * max(CONFIG.min_mean_distance, CONFIG.min_relative_distance * size)
    assert all(np.isfinite(mesh.vertices).all() and mesh.area_faces.min() >= 0 for mesh in after)

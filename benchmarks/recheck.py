"""A second look at an anomaly that shares no measuring code with the first: brute force on dense samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.shapes.shape import Shape

#: Points on each surface: so dense that their spacing hardly adds to a distance.
SAMPLES = 20_000
#: How far a second measurement may fall short of a threshold, as sampling goes.
SLACK = 0.8
#: Points of which the distance to every triangle is tried, and the distance that counts as moved, in object radii.
FEW, MOVED = 1000, 0.005


def recheck(shape: Shape, anomaly: Anomaly, config: AnomaliesConfig) -> Iterator[str]:
    """What is wrong with the anomaly, one text a fault."""
    old = _joined([shape.part(i).mesh for i in anomaly.target])
    left = [mesh for mesh in anomaly.replaced.values() if mesh is not None]
    if anomaly.surface:
        if anomaly.replaced:
            yield "geometry changed"
        return
    if set(anomaly.replaced) != set(anomaly.target):
        yield "other parts than the target are replaced"
    if anomaly.type == "missing":
        if left:
            yield "something of the part is left"
        return
    new = _joined(left)
    if not np.isfinite(new.vertices).all():
        yield "a vertex is not finite"
    mean, largest = _distance(old, new)
    if anomaly.type in ("positional", "rotational", "swapped") and mean < SLACK * config.min_mean_distance:
        yield f"moved {mean:.4f} on average"
    if anomaly.type == "deformed" and largest < SLACK * config.deformed.min_distance:
        yield f"deformed by {largest:.3f}"
    if anomaly.type == "cracked" and (gone := _gone(old, new)) < SLACK * config.cracked.min_gone_share:
        yield f"{gone:.3f} of the surface moved"
    if anomaly.type == "broken":
        yield from _recheck_broken(shape, anomaly, old, new, largest, config)
    before = [shape.part(i).mesh.is_watertight for i in anomaly.replaced]
    opened = left and not all(m.is_watertight and m.is_winding_consistent for m in left)
    if all(before) and opened and anomaly.type != "swapped":  # an open donor stays open
        yield "a closed part came out open"


def _recheck_broken(
    shape: Shape, anomaly: Anomaly, old: trimesh.Trimesh, new: trimesh.Trimesh, largest: float, config: AnomaliesConfig
) -> Iterator[str]:
    if largest < SLACK * config.broken.min_depth:
        yield f"fracture {largest:.3f} deep"
    if (new.bounds[0] < old.bounds[0] - 1e-4).any() or (new.bounds[1] > old.bounds[1] + 1e-4).any():
        yield "it grew"
    if anomaly.proof["removed_share_of"] == "volume":
        # By the divergence theorem on the raw triangles, whole shells being closed.
        before = sum(shape.part(i).mesh.volume for i in anomaly.target)
        after = sum(mesh.volume for mesh in anomaly.replaced.values() if mesh is not None)
        share = 1 - after / before
        low, high = config.broken.removed_share
        if not low - 0.02 <= share <= high + 0.02:
            yield f"{share:.3f} of the volume removed"


def _distance(old: trimesh.Trimesh, new: trimesh.Trimesh) -> tuple[float, float]:
    """Symmetric mean and maximum of nearest distances between dense samples."""
    a, b = (_sample(mesh, seed) for seed, mesh in enumerate((old, new)))
    forth, back = cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]
    return float(forth.mean() + back.mean()) / 2, float(max(forth.max(), back.max()))


def _gone(old: trimesh.Trimesh, new: trimesh.Trimesh) -> float:
    """Share of the old surface farther than ``MOVED`` from every triangle of the new one."""
    points = _sample(old, 2)[:: SAMPLES // FEW]
    distances = [trimesh.proximity.closest_point_naive(new, chunk)[1] for chunk in np.array_split(points, FEW // 50)]
    return float((np.concatenate(distances) > MOVED).mean())


def _sample(mesh: trimesh.Trimesh, seed: int) -> NDArray[np.float64]:
    return np.asarray(trimesh.sample.sample_surface(mesh, SAMPLES, seed=1000 + seed)[0])


def _joined(meshes: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    joined = trimesh.util.concatenate([trimesh.Trimesh(m.vertices, m.faces, process=False) for m in meshes])
    assert isinstance(joined, trimesh.Trimesh)
    return joined

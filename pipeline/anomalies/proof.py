"""The measured change of an anomaly, and what it must amount to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import trimesh

from pipeline.anomalies.measure import SAMPLES, Points, SurfaceDistance, exposed, gap, join, sample, surface_distance
from pipeline.anomalies.task import Task
from pipeline.config import AnomaliesConfig
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import flatten

#: Points tested for exposure, of each surface.
EXPOSURE_SAMPLES = 200


@dataclass(frozen=True)
class Proof:
    """Old against new surface of the target. Lengths in object radii; None where nothing is left to measure.

    mean_distance, max_distance: symmetric surface distance.
    gone_share: share of the old surface's area that is no longer there.
    object_area_share: the target's share of the intact object's surface area.
    gap_before, gap_after: smallest sampled distance to the rest of the object.
    sink: how far the target reaches below the intact object's lowest point (0 when it does not).
    exposed_share: share of the changed surface that a camera of the upper hemisphere can reach.
    volume_before, volume_after: None for open meshes. watertight_before, watertight_after: all target meshes closed.
    """

    mean_distance: float | None
    max_distance: float | None
    gone_share: float
    object_area_share: float
    gap_before: float
    gap_after: float | None
    sink: float
    exposed_share: float
    volume_before: float | None
    volume_after: float | None
    watertight_before: bool
    watertight_after: bool | None


def measure(task: Task, replaced: Mapping[int, trimesh.Trimesh | None], random: np.random.Generator) -> Proof:
    """Compare the intact target with ``replaced`` and both with the rest of the object."""
    before = [task.shape.part(i).mesh for i in task.target.part_ids]
    after = [mesh for mesh in replaced.values() if mesh is not None]
    if after:
        new = join(after)
        distance = surface_distance(task.old, new, random)
        gap_after = gap(sample(new, SAMPLES, random), task.rest_points)
        ground = min(p.mesh.bounds[0, 1] for p in task.shape.parts)
        sink = max(0.0, float(ground - new.bounds[0, 1]))
    else:
        distance = SurfaceDistance(0.0, 0.0, task.old_points, np.zeros((0, 3)), 1.0)
        gap_after, sink = None, 0.0
    return Proof(
        mean_distance=distance.mean if after else None,
        max_distance=distance.max if after else None,
        gone_share=distance.gone_share,
        object_area_share=task.target.area_share,
        gap_before=gap(task.old_points, task.rest_points),
        gap_after=gap_after,
        sink=sink,
        exposed_share=_exposed_share(task, replaced, distance),
        volume_before=_volume(before),
        volume_after=_volume(after) if after else None,
        watertight_before=all(mesh.is_watertight for mesh in before),
        watertight_after=all(mesh.is_watertight for mesh in after) if after else None,
    )


def _exposed_share(task: Task, replaced: Mapping[int, trimesh.Trimesh | None], distance: SurfaceDistance) -> float:
    """What is gone is looked for on the intact object, what is new on the changed one."""
    intact = [(p.part_id, p.mesh) for p in task.shape.parts]
    changed = [(i, mesh) for i, old in intact if (mesh := replaced.get(i, old)) is not None]
    reached = [
        exposed(_thin(points), flatten(meshes))
        for points, meshes in ((distance.gone, intact), (distance.new, changed))
        if len(points)
    ]
    return float(np.concatenate(reached).mean()) if reached else 0.0


def _thin(points: Points) -> Points:
    return points[:: len(points) // EXPOSURE_SAMPLES + 1]


def _volume(meshes: list[trimesh.Trimesh]) -> float | None:
    return float(sum(m.volume for m in meshes)) if all(m.is_volume for m in meshes) else None


def require_visible(proof: Proof, config: AnomaliesConfig) -> None:
    """Some of what changed can be seen. Raises UnitRejected ``hidden``."""
    if proof.exposed_share < config.min_exposed_share:
        raise UnitRejected(
            "hidden",
            f"{proof.exposed_share:.2f} of the changed surface can be seen, "
            f"anomalies.min_exposed_share asks for {config.min_exposed_share}",
        )


def require_moved(proof: Proof, config: AnomaliesConfig) -> None:
    """The surface differs everywhere on average, and the part is in a plausible place.

    Raises UnitRejected ``unchanged`` (a symmetric turn, a slide along itself, a twin), ``floating``
    or ``sunk``.
    """
    if proof.mean_distance is None or proof.mean_distance < config.min_mean_distance:
        raise UnitRejected(
            "unchanged",
            f"mean surface distance {proof.mean_distance}, "
            f"anomalies.min_mean_distance asks for {config.min_mean_distance}",
        )
    if proof.gap_after is None or proof.gap_after > max(config.max_gap, proof.gap_before):
        raise UnitRejected(
            "floating", f"{proof.gap_after} from the rest of the object, anomalies.max_gap allows {config.max_gap}"
        )
    if proof.sink > config.max_sink:
        raise UnitRejected("sunk", f"{proof.sink:.3f} below the ground, anomalies.max_sink allows {config.max_sink}")
    require_visible(proof, config)

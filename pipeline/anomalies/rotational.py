"""Rotational: a random 3D rotation of a part (Looking 3D, section 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.measure import CONTACT
from pipeline.anomalies.proof import require_moved
from pipeline.anomalies.rigid import move, random_direction
from pipeline.anomalies.task import Change, Task


def draw(task: Task, random: np.random.Generator) -> Change:
    """Turn the target about an axis uniform on the sphere, by an angle from ``rotational.angle_degrees``.

    The pivot is the middle of the region where the target touches the rest of the object, as a part
    bent at its joint would turn, or the target's centroid where it touches nothing.
    """
    angle = float(random.uniform(*task.config.rotational.angle_degrees))
    axis = random_direction(random)
    pivot, pivot_kind = _pivot(task)
    rotation = Rotation.from_rotvec(np.radians(angle) * axis).as_matrix()
    parameters = {"angle_degrees": angle, "axis": axis.tolist(), "pivot": pivot.tolist(), "pivot_kind": pivot_kind}
    return Change(move(task, rotation, pivot - rotation @ pivot), parameters, {})


def _pivot(task: Task) -> tuple[NDArray[np.float64], str]:
    distances, _ = cKDTree(task.rest_points).query(task.old_points)
    touching = task.old_points[distances < CONTACT]
    if len(touching):
        return touching.mean(axis=0), "contact"
    return task.old_points.mean(axis=0), "centroid"


ROTATIONAL = Kind(draw, require_moved)

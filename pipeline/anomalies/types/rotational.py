"""Rotational: a random 3D rotation of a part (Looking 3D, section 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import require_moved
from pipeline.anomalies.rigid import move, random_direction
from pipeline.anomalies.task import Change, Task


def draw(task: Task, random: np.random.Generator) -> Change:
    """Turn the target about a random axis, by an angle from ``rotational.angle_degrees``.

    The pivot is the middle of the region where the target touches one of its neighbours, as a part
    turns that has come loose everywhere else, or the target's centroid where it touches nothing.
    """
    config = task.config.rotational
    angle = float(random.uniform(*config.angle_degrees))
    axis = random_direction(random, config.axes)
    pivot, neighbour = _pivot(task, random)
    rotation = Rotation.from_rotvec(np.radians(angle) * axis).as_matrix()
    parameters = {
        "angle_degrees": angle,
        "axis": axis.tolist(),
        "pivot": pivot.tolist(),
        "pivot_kind": "centroid" if neighbour is None else "contact",
        "pivot_neighbour": neighbour,
    }
    return Change(move(task, rotation, pivot - rotation @ pivot), parameters, {"method": "rotation"})


def _pivot(task: Task, random: np.random.Generator) -> tuple[NDArray[np.float64], int | None]:
    """The pivot (3,) and the part id of the neighbour that it joins; the larger the contact, the likelier."""
    if len(task.contact) == 0:
        return task.old_points.mean(axis=0), None
    neighbour = int(random.choice(task.contact_neighbours))
    return task.contact[task.contact_neighbours == neighbour].mean(axis=0), neighbour


KIND = Kind(draw, require_moved)

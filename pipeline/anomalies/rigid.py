"""Parts moved as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.anomalies.config import Directions
from pipeline.anomalies.task import Task
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import make_mesh


def move(task: Task, rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> Mapping[int, trimesh.Trimesh]:
    """Every part of the target with its vertices x mapped to ``rotation @ x + translation`` ((3, 3) and (3,)).

    Raises UnitRejected ``sunk`` before anything costly is measured.
    """
    parts = (task.shape.part(i) for i in task.target.part_ids)
    moved = {p.part_id: make_mesh(p.mesh.vertices @ rotation.T + translation, p.mesh.faces) for p in parts}
    sink = task.ground - min(float(mesh.bounds[0, 1]) for mesh in moved.values())
    if sink > task.config.max_sink:
        raise UnitRejected("sunk", f"{sink:.3f} below the ground, anomalies.max_sink allows {task.config.max_sink}")
    return moved


def random_direction(random: np.random.Generator, directions: Directions = "sphere") -> NDArray[np.float64]:
    """(3,) unit vector of the kind asked for."""
    if directions == "axes":
        return np.eye(3)[random.integers(3)] * random.choice([-1.0, 1.0])
    direction = random.normal(size=3)
    if directions == "horizontal":
        direction[1] = 0
    return np.asarray(direction / np.linalg.norm(direction))

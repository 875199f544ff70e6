"""Parts moved as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.anomalies.task import Task
from pipeline.shapes.shape import make_mesh


def move(task: Task, rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> Mapping[int, trimesh.Trimesh]:
    """Every part of the target with its vertices x mapped to ``rotation @ x + translation`` ((3, 3) and (3,))."""
    parts = (task.shape.part(i) for i in task.target.part_ids)
    return {p.part_id: make_mesh(p.mesh.vertices @ rotation.T + translation, p.mesh.faces) for p in parts}


def random_direction(random: np.random.Generator) -> NDArray[np.float64]:
    """(3,) unit vector, uniform on the sphere."""
    direction = random.normal(size=3)
    return direction / np.linalg.norm(direction)

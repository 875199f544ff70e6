"""Positional: a random translation of a part (Looking 3D, section 3)."""

from __future__ import annotations

import numpy as np

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proof import require_moved
from pipeline.anomalies.rigid import move, random_direction
from pipeline.anomalies.task import Change, Task


def draw(task: Task, random: np.random.Generator) -> Change:
    """Shift the target in a direction uniform on the sphere by a length from ``positional.distance``."""
    distance = float(random.uniform(*task.config.positional.distance))
    offset = distance * random_direction(random)
    return Change(move(task, np.eye(3), offset), {"distance": distance, "translation": offset.tolist()}, {})


POSITIONAL = Kind(draw, require_moved)

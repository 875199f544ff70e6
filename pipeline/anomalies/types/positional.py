"""Positional: a random translation of a part (Looking 3D, section 3)."""

from __future__ import annotations

import numpy as np

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import require_moved
from pipeline.anomalies.rigid import move, random_direction
from pipeline.anomalies.task import Change, Task


def draw(task: Task, random: np.random.Generator) -> Change:
    """Shift the target in a random direction, by a length that suits the part within what suits the object."""
    config = task.config.positional
    low, high = np.clip(task.size * np.array(config.distance_of_part), *config.distance)
    distance = float(random.uniform(low, high))
    offset = distance * random_direction(random, config.directions)
    parameters = {"distance": distance, "translation": offset.tolist()}
    return Change(move(task, np.eye(3), offset), parameters, {"method": "translation"})


KIND = Kind(draw, require_moved)

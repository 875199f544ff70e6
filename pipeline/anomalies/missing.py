"""Missing: a part removed (Looking 3D, section 3)."""

from __future__ import annotations

import numpy as np

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proof import require_visible
from pipeline.anomalies.task import Change, Task


def draw(task: Task, random: np.random.Generator) -> Change:
    """Remove every part of the target; which target is all there is to draw."""
    return Change(dict.fromkeys(task.target.part_ids), {}, {})


MISSING = Kind(draw, require_visible, draws_differ=False, takes_groups=True)

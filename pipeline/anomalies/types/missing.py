"""Missing: a part, or all instances of one, removed (Looking 3D, section 3)."""

from __future__ import annotations

import numpy as np

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import Proof, require_support, require_visible
from pipeline.anomalies.task import Change, Task


def draw(task: Task, random: np.random.Generator) -> Change:
    """Remove every part of the target; which target is all there is to draw."""
    return Change(dict.fromkeys(task.target.part_ids), {}, {"method": "removal"})


def accept(proof: Proof, config: AnomaliesConfig) -> None:
    """The gap shows and nothing is left in the air. Raises UnitRejected ``hidden`` or ``hanging``."""
    require_visible(proof, config)
    require_support(proof, config)


KIND = Kind(draw, accept, draws_differ=False, takes_groups=True)

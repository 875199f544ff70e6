"""Making one anomaly: draw, measure, accept or draw again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np

from pipeline.anomalies import broken, missing, positional, rotational, swapped
from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.candidates import choose, find_candidates
from pipeline.anomalies.donors import Donors
from pipeline.anomalies.proof import Proof, measure, require_moved, require_visible
from pipeline.anomalies.task import Change, Task
from pipeline.config import AnomaliesConfig
from pipeline.errors import PipelineError, UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape
from pipeline.shapes.storage import as_stored


@dataclass(frozen=True)
class Kind:
    """An anomaly type: how to draw a change, and what its measured proof must show (else UnitRejected)."""

    draw: Callable[[Task, np.random.Generator], Change]
    accept: Callable[[Proof, AnomaliesConfig], None]


#: A new type is one module and one line here.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "positional": Kind(positional.draw, require_moved),
        "rotational": Kind(rotational.draw, require_moved),
        "broken": Kind(broken.draw, broken.accept),
        "swapped": Kind(swapped.draw, require_moved),
        "missing": Kind(missing.draw, require_visible),
    }
)


def make_anomaly(
    shape: Shape, index: int, anomaly_type: str, donors: Donors, config: AnomaliesConfig, seed: int
) -> Anomaly:
    """Draw until a change passes its proof; number ``index`` within the shape.

    The result depends on the arguments alone. Its meshes are rounded to float32, as they will be
    stored, before they are measured. Raises UnitRejected after ``config.attempts`` draws, with the
    most common reason; PipelineError for an unknown type.
    """
    kind = KINDS.get(anomaly_type)
    if kind is None:
        raise PipelineError(f"unknown anomaly type {anomaly_type!r}; known: {', '.join(KINDS)}")
    candidates = find_candidates(shape, config.min_part_area_share, config.max_part_area_share)
    if not candidates:
        raise UnitRejected(
            "no-candidate",
            f"shape {shape.shape_id}: no part has between {config.min_part_area_share} and "
            f"{config.max_part_area_share} of the surface (anomalies.min/max_part_area_share)",
        )
    rejections: list[UnitRejected] = []
    for attempt in range(config.attempts):
        random = rng(seed, "anomalies", shape.shape_id, index, anomaly_type, attempt)
        task = Task(shape, choose(candidates, random), donors, config, seed)
        try:
            return _attempt(task, kind, index, anomaly_type, attempt + 1, random)
        except UnitRejected as rejection:
            rejections.append(rejection)
    reason, count = Counter(r.reason for r in rejections).most_common(1)[0]
    example = next(r.message for r in rejections if r.reason == reason)
    raise UnitRejected(
        reason,
        f"shape {shape.shape_id}, {anomaly_type}: {config.attempts} draws failed (anomalies.attempts), "
        f"{count} of them like this: {example}",
    )


def _attempt(
    task: Task, kind: Kind, index: int, anomaly_type: str, attempts: int, random: np.random.Generator
) -> Anomaly:
    change = kind.draw(task, random)
    replaced = {i: mesh if mesh is None else as_stored(mesh) for i, mesh in change.replaced.items()}
    proof = measure(task, replaced, random)
    kind.accept(proof, task.config)
    return Anomaly(
        index=index,
        type=anomaly_type,
        target=task.target.part_ids,
        target_label=task.target.label,
        replaced=replaced,
        parameters=dict(change.parameters),
        proof={**asdict(proof), **change.measured, "attempts": attempts},
    )

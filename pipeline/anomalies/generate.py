"""Making one anomaly: draw, measure, accept or draw again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.kind import Kind, find_kind
from pipeline.anomalies.proving.proof import measure
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node
from pipeline.anomalies.task import TargetUnfit, Task
from pipeline.errors import UnitRejected
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape
from pipeline.shapes.storage import as_stored


def make_anomaly(
    shape: Shape,
    index: int,
    anomaly_type: str,
    targets: Sequence[Node],
    donors: Donors,
    config: AnomaliesConfig,
    seed: int,
) -> Anomaly:
    """Draw until a change passes its proof: ``config.attempts`` times on the first target, then on the next.

    The result depends on the arguments alone. Its meshes are rounded to float32, as they will be
    stored, before they are measured. Raises UnitRejected with the most common reason where no draw on
    any of ``config.parts`` targets passes (such as cannot be of the type do not count); PipelineError
    for an unknown type.
    """
    kind = find_kind(anomaly_type)
    rejections: list[UnitRejected] = []
    tried = 0
    for target in targets:
        if tried == config.parts:
            break
        task = Task(shape, target, donors, config, seed)
        for _ in range(config.attempts if kind.draws_differ else 1):
            random = rng(seed, "anomalies", shape.shape_id, index, anomaly_type, len(rejections))
            try:
                return _attempt(task, kind, index, anomaly_type, rejections, random)
            except UnitRejected as rejection:
                rejections.append(rejection)
            if isinstance(rejections[-1], TargetUnfit):
                break
        else:
            tried += 1
    if not rejections:
        raise UnitRejected("no-candidate", f"shape {shape.shape_id}, {anomaly_type}: there is no part to act on")
    reason, count = Counter(r.reason for r in rejections).most_common(1)[0]
    example = next(r.message for r in rejections if r.reason == reason)
    raise UnitRejected(
        reason,
        f"shape {shape.shape_id}, {anomaly_type}: {len(rejections)} draws failed (anomalies.attempts on each of "
        f"anomalies.parts parts), {count} of them like this: {example}",
    )


def _attempt(
    task: Task,
    kind: Kind,
    index: int,
    anomaly_type: str,
    rejections: Sequence[UnitRejected],
    random: np.random.Generator,
) -> Anomaly:
    change = kind.draw(task, random)
    replaced = {i: mesh if mesh is None else as_stored(mesh) for i, mesh in change.replaced.items()}
    proof = measure(task, replaced, random)
    kind.accept(proof, task.config)
    draws = {"attempts": len(rejections) + 1, "refused": dict(Counter(r.reason for r in rejections))}
    return Anomaly(
        index=index,
        type=anomaly_type,
        target=task.target.part_ids,
        target_label=task.target.label,
        replaced=replaced,
        parameters=dict(change.parameters),
        proof={**asdict(proof), **change.measured, **draws},
        surface=change.surface,
    )

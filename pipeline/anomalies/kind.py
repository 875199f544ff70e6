"""The interface of an anomaly type, and how the labels' names become types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.proving.proof import Proof
from pipeline.anomalies.task import Change, Task
from pipeline.errors import PipelineError
from pipeline.format.labels import ANOMALY_TYPES


@dataclass(frozen=True)
class Kind:
    """An anomaly type.

    draw: makes a change of the task's target, or raises UnitRejected where this draw gives none.
    accept: raises UnitRejected unless the change's measured proof shows the type.
    draws_differ: whether another draw on the same target can turn out otherwise.
    takes_groups: may act on all instances of a part at once, such as all casters.
    needs_donor: takes a part of another shape.
    cuts: its parts are pieces of the intact ones, so that new faces show what was inside.
    """

    draw: Callable[[Task, np.random.Generator], Change]
    accept: Callable[[Proof, AnomaliesConfig], None]
    draws_differ: bool = True
    takes_groups: bool = False
    needs_donor: bool = False
    cuts: bool = False


def find_kind(anomaly_type: str) -> Kind:
    """The type of that name. Raises PipelineError naming the known ones."""
    if anomaly_type not in ANOMALY_TYPES:
        raise PipelineError(f"unknown anomaly type {anomaly_type!r}; known: {', '.join(ANOMALY_TYPES)}")
    kind = import_module(f"{__package__}.types.{anomaly_type}").KIND
    assert isinstance(kind, Kind)
    return kind

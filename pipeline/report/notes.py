"""What happened on the way to a dataset, which its shards do not tell: refusals, losses, counterfactual checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from pipeline.typed_json import read_typed

#: Positions in a spread of measurements: minimum, quartiles, maximum.
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)

#: stage -> reason -> count
Rejects = Mapping[str, Mapping[str, int]]
#: (stage, unit, message) of a shape that gave nothing
Loss = tuple[str, str, str]


@dataclass(frozen=True)
class Perceived:
    """How far the images of one anomaly type differ from the same views of the intact shape.

    images: how many were compared. Quantiles (``QUANTILES``) over them: share, of the pixels where the anomaly is or
    was, that differ visibly; elsewhere and detail as in ``pipeline.quality.counterfactual.Comparison``.
    """

    images: int
    share: tuple[float, ...]
    elsewhere: tuple[float, ...]
    detail: tuple[float, ...]


@dataclass(frozen=True)
class Notes:
    """What the report says beside what it counts in the shards. perceived: anomaly type -> what was measured."""

    rejects: Rejects = field(default_factory=dict)
    lost: tuple[Loss, ...] = ()
    perceived: Mapping[str, Perceived] = field(default_factory=dict)


_NOTES = TypeAdapter(Notes)


def perceived(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, Perceived]:
    """By anomaly type, in alphabetical order, from the quality stage's verdicts (as JSON has them)."""
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for comparison in (verdict["comparison"] for verdict in verdicts):
        for change in comparison["changes"] if comparison else ():
            _, _, kind = change["anomaly"].partition("_")
            rows[kind].append((change["share"], comparison["elsewhere"], comparison["detail"]))
    return {
        kind: Perceived(
            len(values), *(tuple(np.quantile(column, QUANTILES).tolist()) for column in zip(*values, strict=True))
        )
        for kind, values in sorted(rows.items())
    }


def stored_notes(report: Path) -> Notes:
    """Notes of the report in a folder, to draw it again; empty where there is none. Raises PipelineError."""
    path = report / "statistics.json"
    if not path.exists():
        return Notes()
    return read_typed(path, _NOTES, "report", "remove it")

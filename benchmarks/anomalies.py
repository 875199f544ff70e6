"""Every type on every chair: attempts, successes, reasons, methods, seconds, and an independent second look.

Real chairs: L3D_PARTNET=<folder of shapes>.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.recheck import recheck
from benchmarks.shapes import Collection, collections
from benchmarks.table import write_rows
from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.kind import find_kind
from pipeline.anomalies.targets.candidates import find_candidates, order
from pipeline.anomalies.targets.nodes import Node
from pipeline.errors import UnitRejected
from pipeline.format.labels import ANOMALY_TYPES
from pipeline.planning.plan import PlannedAnomaly
from pipeline.report.text import aligned
from pipeline.seeding import rng

SYNTHETIC, PER_SHAPE = 60, 1
CONFIG = AnomaliesConfig()


@dataclass(frozen=True)
class Trial:
    """One anomaly asked for: what came of it (None and a reason, or it), in how many draws and seconds."""

    source: str
    type: str
    anomaly: Anomaly | None
    reason: str
    seconds: float
    complaints: tuple[str, ...]


def main() -> None:
    """An anomaly of every type on every chair; then a fracture of every part that may be broken."""
    trials = [t for c in collections(SYNTHETIC, PER_SHAPE, ANOMALY_TYPES) for t in (*_planned(c), *_boolean(c))]
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[trial.source, trial.type].append(trial)
    rows = {f"{source} {kind}": _row(group) for (source, kind), group in groups.items()}
    numbers = [key for key, value in next(iter(rows.values())).items() if not isinstance(value, dict)]
    print(aligned([["", *numbers], *([name, *(str(row[key]) for key in numbers)] for name, row in rows.items())]))
    for name, row in rows.items():
        print(f"{name}: methods {_counted(row['methods'])}; draws refused {_counted(row['refused'])}")
    for trial in trials:
        if trial.anomaly is None:
            print(f"{trial.source} {trial.type}: not possible: {trial.reason}")
        for complaint in trial.complaints:
            print(f"{trial.source} {trial.type}: second look: {complaint}")
    write_rows("anomalies", rows)


def _planned(collection: Collection) -> Iterable[Trial]:
    for shape_id, plan in collection.plan.items():
        for planned in plan.anomalies:
            candidates = collection.planner.candidates(shape_id, planned.type)
            first = next(node for node in candidates if node.part_ids == planned.target)
            targets = order(candidates, first, rng(0, "benchmark", shape_id, planned.name))
            yield _try(collection, shape_id, planned, planned.type, targets)


def _boolean(collection: Collection) -> Iterable[Trial]:
    for shape_id, nodes in collection.nodes.items():
        for number, node in enumerate(find_candidates(nodes, find_kind("broken").takes_groups, CONFIG)):
            planned = PlannedAnomaly(number, "broken", node.part_ids, node.label, 1)
            yield _try(collection, shape_id, planned, "broken, every part", [node])


def _try(collection: Collection, shape_id: str, planned: PlannedAnomaly, row: str, targets: list[Node]) -> Trial:
    shape = collection.shapes[shape_id]
    start = time.perf_counter()
    try:
        anomaly = make_anomaly(shape, planned.index, planned.type, targets, collection.donors(planned), CONFIG, 0)
    except UnitRejected as rejection:
        return Trial(collection.name, row, None, rejection.message, time.perf_counter() - start, ())
    seconds = time.perf_counter() - start
    complaints = tuple(f"{shape_id} {anomaly.name}: {text}" for text in recheck(shape, anomaly, CONFIG))
    return Trial(collection.name, row, anomaly, "", seconds, complaints)


def _row(trials: list[Trial]) -> dict[str, Any]:
    made = [t.anomaly for t in trials if t.anomaly is not None]
    refused: Counter[str] = Counter()
    for anomaly in made:
        refused.update(anomaly.proof["refused"])
    milliseconds = [1e3 * t.seconds for t in trials]
    return {
        "asked": len(trials),
        "made": len(made),
        "share": f"{len(made) / len(trials):.1%}",
        "draws": sum(a.proof["attempts"] for a in made),
        "held up": sum(not t.complaints for t in trials if t.anomaly),
        "median ms": round(float(np.median(milliseconds)), 1),
        "p95 ms": round(float(np.quantile(milliseconds, 0.95)), 1),
        "methods": dict(Counter(a.proof["method"] for a in made if "method" in a.proof).most_common()),
        "refused": dict(refused.most_common()),
    }


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"

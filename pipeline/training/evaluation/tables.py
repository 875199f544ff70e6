"""Evaluations as Markdown, JSON and CSV, beside the paper's numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.shards.reader import Shard
from pipeline.training.evaluation.bootstrap import Interval
from pipeline.training.evaluation.evaluate import Judged, auc_difference
from pipeline.training.evaluation.metrics import PCK_SHARES, Metrics
from pipeline.training.evaluation.paper import PaperRow, paper_row
from pipeline.training.index import SplitIndex

COLUMNS = ("auc", "accuracy", "accuracy_chosen", "box_ap", "box_ap_mean", "closest_view")
HEADS = ("AUC", "accuracy", "at chosen", "box AP", "AP 50:95", "closest view")
NONE = "-"


def text_table(judged: Judged) -> str:
    """One model's metrics in percent: a row a type, a row a part group, the whole split last."""
    evaluation = judged.evaluation
    rows = [*evaluation.by_type.items(), *evaluation.by_part.items(), ("all", evaluation.overall)]
    head = f"{'':<14}{'images':>8}" + "".join(f"{name:>14}" for name in (*HEADS, *_pck_heads()))
    lines = [head, *(_text_row(name, metrics) for name, metrics in rows)]
    for name, (low, high) in judged.intervals.items():
        lines.append(f"{name}: 95 % interval {100 * low:.1f} to {100 * high:.1f}")
    if evaluation.threshold is not None:
        lines.append(f"threshold chosen on the validation split: {evaluation.threshold:.3f}")
    return "\n".join(lines)


def markdown(models: Sequence[Judged], about: str, resamples: int) -> str:
    """All models in one table, beside the paper's numbers; each against the first; then each one's types and parts."""
    lines = [f"# {about}", "", "Percent; in brackets 95 % intervals over resampled shapes.", ""]
    lines += _table(["", *HEADS, *_pck_heads(), "paper: AUC / accuracy"], [_model_row(model) for model in models])
    differences = [_difference_row(model, models[0], resamples) for model in models[1:]] if resamples else []
    if differences:
        lines += ["", f"AUC less that of {models[0].name}, on the same samples:", ""]
        lines += _table(["", "difference", "95 % interval"], differences)
    for model in models:
        evaluation = model.evaluation
        groups = [*evaluation.by_type.items(), *evaluation.by_part.items()]
        rows = [[name, str(metrics.images), *_cells(metrics)] for name, metrics in groups]
        lines += ["", f"## {model.name}", "", *_table(["", "images", *HEADS, *_pck_heads()], rows)]
    return "\n".join(lines) + "\n"


def as_json(model: Judged) -> dict[str, Any]:
    """Metrics, intervals and the paper's row of one model."""
    row = paper_row(model.config)
    return {
        **asdict(model.evaluation),
        "intervals": {name: list(interval) for name, interval in model.intervals.items()},
        "paper": None if row is None else asdict(row),
    }


def predictions_csv(model: Judged, index: SplitIndex) -> str:
    """One row a sample of the split, in stored order."""
    names = []
    for path in index.files:
        with Shard(path) as shard:
            names.append(shard.column("queries", "name"))
    scores = model.scores
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    pck = [f"pck_{share}" for share in PCK_SHARES]
    writer.writerow(
        ["name", "label", "type", "part", "probability", "x", "y", "width", "height", "iou", "closest", *pck]
    )
    for i in range(len(index)):
        box = [""] * 4 if model.boxes is None else [f"{value:.2f}" for value in model.boxes[i]]
        overlap = "" if scores.box_iou is None or not scores.label[i] else f"{scores.box_iou[i]:.4f}"
        closest = "" if scores.closest is None else int(scores.closest[i])
        matched = [""] * len(pck) if scores.pck is None else ["" if np.isnan(v) else f"{v:.4f}" for v in scores.pck[i]]
        kind = scores.type_names[int(scores.anomaly_type[i])]
        name = names[int(index.file[i])][int(index.row[i])]
        probability = f"{scores.probability[i]:.6f}"
        writer.writerow(
            [name, int(scores.label[i]), kind, scores.part[i], probability, *box, overlap, closest, *matched]
        )
    return stream.getvalue()


def _text_row(name: str, metrics: Metrics) -> str:
    return f"{name:<14}{metrics.images:>8}" + "".join(f"{cell:>14}" for cell in _cells(metrics))


def _model_row(model: Judged) -> list[str]:
    cells = _cells(model.evaluation.overall, model.intervals)
    return [model.name, *cells, _paper_cell(paper_row(model.config))]


def _difference_row(model: Judged, first: Judged, resamples: int) -> list[str]:
    found = auc_difference(model.scores, first.scores, resamples)
    if found is None:
        return [model.name, NONE, NONE]
    value, (low, high) = found
    return [model.name, f"{100 * value:+.1f}", f"{100 * low:+.1f} to {100 * high:+.1f}"]


def _cells(metrics: Metrics, intervals: Mapping[str, Interval] | None = None) -> list[str]:
    cells = []
    for name in COLUMNS:
        value, interval = getattr(metrics, name), (intervals or {}).get(name)
        cell = NONE if value is None else f"{100 * value:.1f}"
        cells.append(cell if interval is None else f"{cell} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]")
    pck = metrics.pck or {}
    return cells + [f"{100 * pck[str(share)]:.1f}" if str(share) in pck else NONE for share in PCK_SHARES]


def _paper_cell(row: PaperRow | None) -> str:
    if row is None:
        return NONE
    numbers = " / ".join(NONE if value is None else f"{value}" for value in (row.auc, row.accuracy))
    box = "" if row.box_ap is None else f", box AP {row.box_ap}"
    return f"{row.name}: {numbers}{box}"


def _pck_heads() -> list[str]:
    return [f"PCK {share}" for share in PCK_SHARES]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]

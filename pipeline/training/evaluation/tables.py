"""Evaluations as Markdown, JSON and CSV, beside the paper's numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float64

from pipeline.format.reader import Shard
from pipeline.training.evaluation.bootstrap import Interval
from pipeline.training.evaluation.evaluate import Difference, Judged
from pipeline.training.evaluation.metrics import PCK_SHARES, Evaluation, Metrics
from pipeline.training.evaluation.paper import PaperRow, paper_row
from pipeline.training.index import SplitIndex

#: What columns show, by the metrics' names. Those that no model has are left out.
HEADS: Mapping[str, str] = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "accuracy_chosen": "at chosen",
    "box_ap": "box AP",
    "box_ap_mean": "AP 50:95",
    "map_ap": "map AP",
    "closest_view": "closest view",
    "pose": "camera",
    "part": "part",
    "type": "type",
}
NONE = "-"


def extent(model: Judged, split: str) -> str:
    """What a model was evaluated on, in words: its intervals mean little where shapes are few."""
    scores = model.scores
    return f"{split} split, {len(scores.label)} images of {len(np.unique(scores.shape))} shapes"


def text_table(judged: Judged, difference: Difference | None, first: str) -> str:
    """One model's metrics in percent: a row a type, a part group and a share of change, the whole split last.

    ``difference``: of its AUC from that of the model named ``first``.
    """
    evaluation = judged.evaluation
    rows = [*_groups(evaluation), ("all", evaluation.overall)]
    names = _names([judged])
    head = f"{'':<16}{'images':>8}" + "".join(f"{_head(name):>14}" for name in names)
    lines = [head, *(_text_row(name, metrics, names) for name, metrics in rows)]
    for name, (low, high) in judged.intervals.items():
        lines.append(f"{name}: 95 % interval {100 * low:.1f} to {100 * high:.1f}")
    if difference is not None:
        lines.append(f"AUC less that of {first}: {_signed(difference)}")
    return "\n".join([*lines, _threshold(judged)])


def markdown(models: Sequence[Judged], differences: Mapping[str, Difference], split: str) -> str:
    """All models in one table, beside the paper's numbers; each against the first; then each one's groups.

    ``differences``: of AUC from that of the first model, by the names of the others.
    """
    lines = [f"# {extent(models[0], split)}", "", "Percent; in brackets 95 % intervals over resampled shapes.", ""]
    names = _names(models)
    heads = [_head(name) for name in names]
    lines += _table(["", *heads, "paper: AUC / accuracy"], [_model_row(model, names) for model in models])
    if differences:
        lines += ["", f"AUC less that of {models[0].name}, on the same samples:", ""]
        rows = [[name, _signed(difference)] for name, difference in differences.items()]
        lines += _table(["", "difference and its 95 % interval"], rows)
    for model in models:
        rows = [[name, str(metrics.images), *_cells(metrics, names)] for name, metrics in _groups(model.evaluation)]
        lines += ["", f"## {model.name}", "", f"{_threshold(model).capitalize()}.", ""]
        lines += _table(["", "images", *heads], rows)
    return "\n".join(lines) + "\n"


def as_json(model: Judged, difference: Difference | None, first: str, split: str) -> dict[str, Any]:
    """Metrics, intervals and the paper's row of one model; ``difference`` of its AUC from the one named ``first``."""
    row = paper_row(model.config)
    return {
        "split": split,
        "shapes": len(np.unique(model.scores.shape)),
        **asdict(model.evaluation),
        "intervals": {name: list(interval) for name, interval in model.intervals.items()},
        "auc_difference": None if difference is None else {"to": first, **difference._asdict()},
        "paper": None if row is None else asdict(row),
    }


def predictions_csv(model: Judged, index: SplitIndex) -> str:
    """One row a sample of the split, in stored order; empty where something is unknown or does not apply."""
    names, shapes = [], []
    for path in index.files:
        with Shard(path) as shard:
            names.append(shard.column("queries", "name"))
            shapes.append(shard.column("shapes", "id"))
    scores = model.scores
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    pck, box = [f"pck_{share}" for share in PCK_SHARES], ("x", "y", "width", "height")
    boxes = [*box, *(f"true_{name}" for name in box)]
    writer.writerow(["name", "shape", "label", "type", "part", "probability", *boxes, "iou", "closest", *pck])
    for i in range(len(index)):
        predicted = _pixels(None if model.boxes is None else model.boxes[i])
        true = _pixels(model.true_boxes[i] if scores.label[i] else None)
        overlap = "" if scores.box_iou is None or not scores.label[i] else f"{scores.box_iou[i]:.4f}"
        closest = "" if scores.closest is None else int(scores.closest[i])
        matched = [""] * len(pck) if scores.pck is None else ["" if np.isnan(v) else f"{v:.4f}" for v in scores.pck[i]]
        kind = scores.type_names[int(scores.anomaly_type[i])]
        file = int(index.file[i])
        own = names[file][int(index.row[i])], shapes[file][int(index.shape_row[i])]
        judged = int(scores.label[i]), kind, scores.part[i], f"{scores.probability[i]:.6f}"
        writer.writerow([*own, *judged, *predicted, *true, overlap, closest, *matched])
    return stream.getvalue()


def _pixels(box: Float64[np.ndarray, " 4"] | None) -> list[str]:
    return [""] * 4 if box is None else [f"{value:.2f}" for value in box]


def _groups(evaluation: Evaluation) -> list[tuple[str, Metrics]]:
    return [
        item for groups in (evaluation.by_type, evaluation.by_part, evaluation.by_change) for item in groups.items()
    ]


def _text_row(name: str, metrics: Metrics, names: Sequence[str]) -> str:
    return f"{name:<16}{metrics.images:>8}" + "".join(f"{cell:>14}" for cell in _cells(metrics, names))


def _model_row(model: Judged, names: Sequence[str]) -> list[str]:
    cells = _cells(model.evaluation.overall, names, model.intervals)
    return [model.name, *cells, _paper_cell(paper_row(model.config))]


def _signed(difference: Difference) -> str:
    low, high = difference.interval
    return f"{100 * difference.value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _threshold(model: Judged) -> str:
    chosen = model.evaluation.threshold
    if chosen is None:
        return "no threshold was chosen: there is no validation split"
    return f"threshold chosen on the validation split: {chosen:.3f}"


def _cells(metrics: Metrics, names: Sequence[str], intervals: Mapping[str, Interval] | None = None) -> list[str]:
    numbers, cells = _numbers(metrics), []
    for name in names:
        value, interval = numbers[name], (intervals or {}).get(name)
        cell = NONE if value is None else f"{100 * value:.1f}"
        cells.append(cell if interval is None else f"{cell} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]")
    return cells


def _names(models: Sequence[Judged]) -> list[str]:
    """Of the metrics that any of the models has."""
    found = [_numbers(model.evaluation.overall) for model in models]
    return [name for name in found[0] if any(numbers[name] is not None for numbers in found)]


def _numbers(metrics: Metrics) -> dict[str, float | None]:
    """All of them, in the order of their columns."""
    pck = metrics.pck or {}
    return {
        **{name: getattr(metrics, name) for name in HEADS},
        **{f"PCK {share}": pck.get(str(share)) for share in PCK_SHARES},
    }


def _head(name: str) -> str:
    return HEADS.get(name, name)


def _paper_cell(row: PaperRow | None) -> str:
    if row is None:
        return NONE
    numbers = " / ".join(NONE if value is None else f"{value}" for value in (row.auc, row.accuracy))
    others = {"box AP": row.box_ap, "closest view": row.closest_view}
    return f"{row.name}: {numbers}" + "".join(f", {name} {v}" for name, v in others.items() if v is not None)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]

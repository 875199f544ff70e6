"""How good predictions are: ROC AUC, accuracy at 0.5, and average precision of the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

IOU_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions for a split, one entry a sample.

    probability: (n,) of being anomalous; anomaly_type: (n,) int, index into ``type_names``, 0 for normal;
    box_iou: (n,) overlap of predicted and true box, meaningful where anomalous; None without a box head.
    """

    probability: NDArray[np.float64]
    anomaly_type: NDArray[np.int64]
    box_iou: NDArray[np.float64] | None
    type_names: tuple[str, ...]

    @property
    def label(self) -> NDArray[np.bool_]:
        return self.anomaly_type > 0

    def joined(self, others: Sequence[Scores]) -> Scores:
        """These and the others', one after another."""
        all_of = (self, *others)
        return Scores(
            np.concatenate([scores.probability for scores in all_of]),
            np.concatenate([scores.anomaly_type for scores in all_of]),
            None if self.box_iou is None else np.concatenate([scores.box_iou for scores in all_of]),
            self.type_names,
        )

    def select(self, rows: NDArray[np.bool_]) -> Scores:
        box_iou = None if self.box_iou is None else self.box_iou[rows]
        return Scores(self.probability[rows], self.anomaly_type[rows], box_iou, self.type_names)


@dataclass(frozen=True)
class Metrics:
    """All in [0, 1]; None where undefined (AUC of one class alone, boxes without a box head or anomalies)."""

    images: int
    auc: float | None
    accuracy: float
    box_ap: float | None


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a whole split, and of each anomaly type that it holds.

    For a type, AUC is that of its images against all normal ones, accuracy and AP are over its images alone.
    """

    overall: Metrics
    by_type: dict[str, Metrics]


def evaluate_scores(scores: Scores) -> Evaluation:
    """Metrics of all predictions together and by anomaly type, in the order of ``type_names``."""
    by_type = {}
    for value, name in enumerate(scores.type_names):
        rows = scores.anomaly_type == value
        if rows.any():
            own = scores.select(rows)
            against_normal = scores.select(rows | (scores.anomaly_type == 0))
            auc = roc_auc(against_normal.probability, against_normal.label)
            by_type[name] = Metrics(len(own.probability), auc, _accuracy(own), _box_ap(own))
    auc = roc_auc(scores.probability, scores.label)
    return Evaluation(Metrics(len(scores.probability), auc, _accuracy(scores), _box_ap(scores)), by_type)


def roc_auc(score: NDArray[Any], positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive scores above a negative, ties counting half (the Mann-Whitney statistic).

    None unless there are positives and negatives.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return None
    wins = rankdata(score)[positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def average_precision(confidence: NDArray[Any], correct: NDArray[np.bool_]) -> float:
    """Area under the interpolated precision-recall curve of one detection per object (Pascal VOC 2010 on).

    confidence: (n,) of each detection; correct: (n,), whether it hits its object. Detections of one
    confidence enter together, so the order of the samples does not matter.
    """
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(correct[order])
    last_of_tie = np.append(np.diff(confidence[order]) != 0, True)
    recall = hits[last_of_tie] / len(correct)
    precision = hits[last_of_tie] / (np.flatnonzero(last_of_tie) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def _accuracy(scores: Scores) -> float:
    return float(((scores.probability > 0.5) == scores.label).mean())


def _box_ap(scores: Scores) -> float | None:
    """AP at IoU 0.5 over the anomalous images: one box each, ranked by the probability of an anomaly."""
    if scores.box_iou is None or not scores.label.any():
        return None
    rows = scores.label
    return average_precision(scores.probability[rows], scores.box_iou[rows] >= IOU_THRESHOLD)

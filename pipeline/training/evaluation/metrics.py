"""How good predictions are: ROC AUC, accuracy, average precision of boxes, closest views, correspondences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Num, Shaped
from numpy.typing import NDArray
from scipy.stats import rankdata

#: Intersection over union from which a box is a hit, and the thresholds that COCO averages over.
IOU_THRESHOLD = 0.5
IOU_THRESHOLDS = tuple(np.arange(10) * 0.05 + 0.5)
#: Correspondences: a match is right within this share of the image's longer edge (PCK).
PCK_SHARES = (0.05, 0.1, 0.15)
#: Shares of the image that an anomaly changes, between which anomalies are told apart.
CHANGED = (0.001, 0.003, 0.01, 0.03)
#: Degrees: a camera that was found is right up to here.
POSE_TOLERANCE = 5.0
#: Levels between logits of -LOGITS and LOGITS, by which pixels of maps are ranked.
LEVELS, LOGITS = 128, 12.0
#: Where a model that compares has a query's camera from: its direction by the model's own mask, all of it so, its
#: direction by the true mask, or it is told.
CameraSource = Literal["found", "any", "true-mask", "true"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions for a split, one entry a sample.

    probability: of being anomalous; anomaly_type: index into ``type_names``, 0 for normal; part: str, the part group
    of the anomaly, '' for normal; shape: alike for samples of one shape; box_iou: overlap of predicted and true box,
    meaningful where anomalous; closest: 1 where the closest view was found, else 0; pck: share of right matches by
    ``PCK_SHARES``, NaN where a sample has none to judge; map_counts: by ``count_levels``; changed: share of the image's
    pixels where the anomaly's part shows or showed, not both, 0 for normal; pose_error: degrees by which the camera
    that was found is off; part_right, type_right: 1 where the anomaly was called by its part and type, else
    0, NaN for normal. None for what the model does not give, or where it was not measured.
    """

    probability: Float64[np.ndarray, " sample"]
    anomaly_type: Int64[np.ndarray, " sample"]
    part: Shaped[np.ndarray, " sample"]
    shape: Int64[np.ndarray, " sample"]
    type_names: tuple[str, ...]
    box_iou: Float64[np.ndarray, " sample"] | None = None
    closest: Float64[np.ndarray, " sample"] | None = None
    pck: Float64[np.ndarray, "sample tolerance"] | None = None
    map_counts: Int64[np.ndarray, "sample 2 level"] | None = None
    changed: Float64[np.ndarray, " sample"] | None = None
    pose_error: Float64[np.ndarray, " sample"] | None = None
    part_right: Float64[np.ndarray, " sample"] | None = None
    type_right: Float64[np.ndarray, " sample"] | None = None

    @property
    def label(self) -> Bool[np.ndarray, " sample"]:
        return self.anomaly_type > 0

    def select(self, rows: Bool[np.ndarray, " sample"] | Int64[np.ndarray, " drawn"]) -> Scores:
        """The samples of a mask or of row numbers."""
        return replace(self, **{name: value[rows] for name, value in self._columns().items()})

    def joined(self, others: Sequence[Scores]) -> Scores:
        """These and the others', one after another."""
        columns = self._columns()
        return replace(
            self,
            **{
                name: np.concatenate([value, *(getattr(other, name) for other in others)])
                for name, value in columns.items()
            },
        )

    def _columns(self) -> dict[str, NDArray[Any]]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


@dataclass(frozen=True)
class Metrics:
    """All in [0, 1]; None where undefined (AUC of one class alone, boxes without a box head or anomalies) or unknown.

    accuracy: at 0.5; accuracy_chosen: at a threshold chosen on other data; box_ap: at IoU 0.5, box_ap_mean: mean over
    IoU 0.5 to 0.95; closest_view: share of queries whose closest view was found; pck: share of right matches by
    tolerance, the mean over images; map_ap: average precision of pixels as those that the anomaly changed; pose: share
    of cameras found within ``POSE_TOLERANCE``; part, type: shares of anomalies called by their part and their type.
    """

    images: int
    auc: float | None
    accuracy: float
    accuracy_chosen: float | None
    box_ap: float | None
    box_ap_mean: float | None
    closest_view: float | None
    pck: dict[str, float] | None
    map_ap: float | None
    pose: float | None
    part: float | None
    type: float | None


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a whole split, of each anomaly type and part group that it holds, and by how much anomalies change.

    For a group, AUC is that of its images against all normal ones; all else is over its images alone.
    ``threshold``: the chosen one, None if none was.
    """

    overall: Metrics
    by_type: dict[str, Metrics]
    by_part: dict[str, Metrics]
    by_change: dict[str, Metrics]
    threshold: float | None


def evaluate_scores(scores: Scores, threshold: float | None = None) -> Evaluation:
    """Metrics of all predictions together, by type in the order of ``type_names``, by part, sorted, and by change."""
    by_type = {
        name: _of_group(scores, scores.anomaly_type == value, threshold)
        for value, name in enumerate(scores.type_names)
        if (scores.anomaly_type == value).any()
    }
    by_part = {str(name): _of_group(scores, scores.part == name, threshold) for name in np.unique(scores.part) if name}
    return Evaluation(measure(scores, threshold), by_type, by_part, _by_change(scores, threshold), threshold)


def _by_change(scores: Scores, threshold: float | None) -> dict[str, Metrics]:
    if scores.changed is None:
        return {}
    step, found = np.digitize(scores.changed, CHANGED), {}
    names = (f"{high:.1%}" for high in CHANGED)
    for number, name in enumerate((*(f"changed to {high}" for high in names), "changed more")):
        rows = scores.label & (step == number)
        if rows.any():
            found[name] = _of_group(scores, rows, threshold)
    return found


def measure(scores: Scores, threshold: float | None = None) -> Metrics:
    """Metrics of these predictions."""
    auc = roc_auc(scores.probability, scores.label)
    return Metrics(
        images=len(scores.probability),
        auc=auc,
        accuracy=accuracy(scores, 0.5),
        accuracy_chosen=None if threshold is None else accuracy(scores, threshold),
        box_ap=box_ap(scores, (IOU_THRESHOLD,)),
        box_ap_mean=box_ap(scores, IOU_THRESHOLDS),
        closest_view=None if scores.closest is None else float(scores.closest.mean()),
        pck=_mean_pck(scores),
        map_ap=map_ap(scores),
        pose=None if scores.pose_error is None else float((scores.pose_error <= POSE_TOLERANCE).mean()),
        part=_mean_known(scores.part_right),
        type=_mean_known(scores.type_right),
    )


def roc_auc(score: Num[np.ndarray, " sample"], positive: Bool[np.ndarray, " sample"]) -> float | None:
    """Probability that a positive scores above a negative, ties counting half (the Mann-Whitney statistic).

    None unless there are positives and negatives.

    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True]))  # one of four pairs ties
    0.875
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return None
    wins = rankdata(score)[positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def average_precision(confidence: Num[np.ndarray, " object"], correct: Bool[np.ndarray, " object"]) -> float:
    """Area under the interpolated precision-recall curve of one detection per object (Pascal VOC 2010 on).

    correct: whether a detection hits its object. Detections of one confidence enter together, so the order of the
    samples does not matter.

    >>> average_precision(np.array([0.9, 0.8]), np.array([True, False]))  # half of the objects, at full precision
    0.5
    """
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(correct[order])
    last_of_tie = np.append(np.diff(confidence[order]) != 0, True)
    recall = hits[last_of_tie] / len(correct)
    precision = hits[last_of_tie] / (np.flatnonzero(last_of_tie) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def accuracy(scores: Scores, threshold: float) -> float:
    """Share of samples on the right side of the threshold."""
    return float(((scores.probability > threshold) == scores.label).mean())


def best_threshold(scores: Scores) -> float:
    """The threshold of highest accuracy: of several, and within a gap between scores, the one nearest to 0.5."""
    levels = np.unique(scores.probability)
    edges = np.concatenate([[0.0], levels, [1.0]])
    # Any threshold in [a, b) parts the samples alike; 1 calls nothing anomalous.
    nearest = np.append(np.clip(0.5, edges[:-1], np.nextafter(edges[1:], 0.0)), 1.0)
    positives = np.sort(scores.probability[scores.label])
    negatives = np.sort(scores.probability[~scores.label])
    right = (len(positives) - np.searchsorted(positives, nearest, "right")) + np.searchsorted(
        negatives, nearest, "right"
    )
    best = nearest[right == right.max()]
    return float(best[np.argmin(np.abs(best - 0.5))])


def box_ap(scores: Scores, thresholds: Sequence[float]) -> float | None:
    """Mean AP over IoU thresholds, of the anomalous images: one box each, ranked by the probability of an anomaly."""
    if scores.box_iou is None or not scores.label.any():
        return None
    rows = scores.label
    each = [average_precision(scores.probability[rows], scores.box_iou[rows] >= threshold) for threshold in thresholds]
    return float(np.mean(each))


def count_levels(
    logit: Float[np.ndarray, "height width"], changed: Bool[np.ndarray, "height width"]
) -> Int64[np.ndarray, "2 level"]:
    """Pixels at each of ``LEVELS`` levels of the logit, the unchanged and the changed ones."""
    level = np.clip((logit + LOGITS) * (LEVELS / (2 * LOGITS)), 0, LEVELS - 1).astype(np.int64)
    return np.stack([np.bincount(level[of], minlength=LEVELS) for of in (~changed, changed)])


def map_ap(scores: Scores) -> float | None:
    """Average precision over all pixels of all samples, ranked by levels; None without changed ones.

    The step-wise sum of precision times gained recall, as scikit-learn's ``average_precision_score``.
    """
    if scores.map_counts is None:
        return None
    unchanged, changed = np.cumsum(scores.map_counts.sum(axis=0)[:, ::-1], axis=1)
    if not changed[-1]:
        return None
    precision = changed / np.maximum(changed + unchanged, 1)
    return float((np.diff(changed, prepend=0) * precision).sum() / changed[-1])


def _mean_known(values: Float64[np.ndarray, " sample"] | None) -> float | None:
    return None if values is None or np.isnan(values).all() else float(np.nanmean(values))


def _of_group(scores: Scores, rows: Bool[np.ndarray, " sample"], threshold: float | None) -> Metrics:
    against_normal = scores.select(rows | ~scores.label)
    auc = roc_auc(against_normal.probability, against_normal.label)
    return replace(measure(scores.select(rows), threshold), auc=auc)


def _mean_pck(scores: Scores) -> dict[str, float] | None:
    if scores.pck is None or np.isnan(scores.pck).all():
        return None
    return {str(share): float(value) for share, value in zip(PCK_SHARES, np.nanmean(scores.pck, axis=0), strict=True)}

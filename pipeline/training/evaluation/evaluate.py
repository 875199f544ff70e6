"""Predictions of models for a split, and how good they are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format.reader import NoShards, Shard
from pipeline.training.boxes import corners, iou
from pipeline.training.checkpoint import UNTRAINED, load_checkpoint, restore_model
from pipeline.training.config import ColoursConfig, Comparing, TrainingConfig
from pipeline.training.data import Sample, ShardDataset, evaluation_keys, load_batches, patch_cover
from pipeline.training.device import pick_device
from pipeline.training.evaluation.bootstrap import Interval, bootstrap
from pipeline.training.evaluation.correspondence import Truth, view_matches, view_scores
from pipeline.training.evaluation.metrics import (
    IOU_THRESHOLD,
    IOU_THRESHOLDS,
    PCK_SHARES,
    CameraSource,
    Evaluation,
    Scores,
    accuracy,
    best_threshold,
    box_ap,
    count_levels,
    evaluate_scores,
    map_ap,
    roc_auc,
)
from pipeline.training.index import SplitIndex, index_split
from pipeline.training.models.interface import Model, Prediction
from pipeline.training.precision import forward, look, pick_precision

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Judged:
    """A saved model on one split: what it said, and how good that is.

    intervals: of overall metrics, at 95 %, by their names; true_boxes: pixels [x, y, width, height], zeros for normal;
    boxes: predicted.
    """

    name: str
    config: TrainingConfig
    scores: Scores
    evaluation: Evaluation
    intervals: dict[str, Interval]
    true_boxes: Float64[np.ndarray, "sample 4"]
    boxes: Float64[np.ndarray, "sample 4"] | None


def evaluate_checkpoint(
    checkpoint: Path,
    dataset: Path,
    split: str,
    device: str,
    workers: int,
    resamples: int = 0,
    cameras: CameraSource = "found",
) -> Judged:
    """A saved model on one split, with all reference views and without augmentation.

    The threshold is the one of highest accuracy on the validation split, where there is one. ``resamples`` for the
    confidence intervals; 0 for none. Raises PipelineError where the checkpoint or the split is missing, unreadable
    or does not fit, and where predictions are not finite.
    """
    saved = load_checkpoint(checkpoint)
    config = saved.config.model_copy(update={"device": device, "workers": workers})
    target = pick_device(config.device)
    model = restore_model(saved, checkpoint).to(target)
    index = index_split(dataset, split)
    if index.size != saved.size and not isinstance(config.model, ColoursConfig):
        trained, given = ("x".join(map(str, size)) for size in (saved.size, index.size))
        logger.warning("%s was trained on images of %s pixels, these are %s", checkpoint, trained, given)
    scores, true_boxes, boxes = _predict(model, index, config, target, Truth(index), cameras)
    usable = np.isfinite(scores.probability)
    if boxes is not None:
        usable &= np.isfinite(boxes).all(axis=1)
    if not usable.all():
        unusable = int((~usable).sum())
        raise PipelineError(
            f"{checkpoint}: {unusable} of {len(index)} predictions are not finite; the run diverged, or needs precision"
            " = float32: train again, or take an earlier checkpoint"
        )
    try:
        chosen = scores if split == "val" else predict(model, index_split(dataset, "val"), config, target, cameras)
        threshold = best_threshold(chosen)
    except NoShards:
        threshold = None
    intervals = confidence_intervals(scores, threshold, resamples) if resamples else {}
    evaluation = evaluate_scores(scores, threshold)
    return Judged(model_name(checkpoint), saved.config, scores, evaluation, intervals, true_boxes, boxes)


def model_name(checkpoint: Path) -> str:
    """What tables call a saved model: its run's folder."""
    return UNTRAINED if checkpoint == Path(UNTRAINED) else checkpoint.resolve().parent.name


def confidence_intervals(scores: Scores, threshold: float | None, resamples: int) -> dict[str, Interval]:
    """95 % intervals of the overall metrics, by name; what is not defined is left out."""
    statistics = {
        "auc": lambda own: roc_auc(own.probability, own.label),
        "accuracy": lambda own: accuracy(own, 0.5),
        "accuracy_chosen": lambda own: None if threshold is None else accuracy(own, threshold),
        "box_ap": lambda own: box_ap(own, (IOU_THRESHOLD,)),
        "box_ap_mean": lambda own: box_ap(own, IOU_THRESHOLDS),
        "closest_view": lambda own: None if own.closest is None else float(own.closest.mean()),
        "map_ap": map_ap,
    }
    found = {
        name: bootstrap(scores.shape, lambda rows, of=statistic: of(scores.select(rows)), resamples)  # type: ignore[misc]
        for name, statistic in statistics.items()
    }
    return {name: interval for name, interval in found.items() if interval is not None}


class Difference(NamedTuple):
    """A metric of one model less that of another on the same samples, and its 95 % interval."""

    value: float
    interval: Interval


def auc_difference(ours: Scores, theirs: Scores, resamples: int) -> Difference | None:
    """AUC of ``ours`` less that of ``theirs``, both of the same samples in the same order, resampled in pairs."""

    def difference(rows: Int64[np.ndarray, " drawn"]) -> float | None:
        a, b = (roc_auc(scores.probability[rows], scores.label[rows]) for scores in (ours, theirs))
        return None if a is None or b is None else a - b

    value = difference(np.arange(len(ours.label)))
    interval = bootstrap(ours.shape, difference, resamples)
    return None if value is None or interval is None else Difference(value, interval)


def compare(models: Sequence[Judged], resamples: int) -> dict[str, Difference]:
    """By name, the AUC of each model but the first less that of the first; what is not defined is left out."""
    found = {model.name: auc_difference(model.scores, models[0].scores, resamples) for model in models[1:]}
    return {name: difference for name, difference in found.items() if difference is not None}


def predict(
    model: Model,
    index: SplitIndex,
    config: TrainingConfig,
    device: torch.device,
    cameras: CameraSource | None = None,
) -> Scores:
    """Score every sample of a split in stored order; the model comes back in the mode that it had.

    ``cameras``: of models that compare; None for those that the dataset tells, with nothing measured of them.
    """
    scores, _, _ = _predict(model, index, config, device, None, cameras)
    return scores


@torch.no_grad()
def _predict(
    model: Model,
    index: SplitIndex,
    config: TrainingConfig,
    device: torch.device,
    truth: Truth | None,
    cameras: CameraSource | None,
) -> tuple[Scores, Float64[np.ndarray, "sample 4"], Float64[np.ndarray, "sample 4"] | None]:
    """Scores, with closest views and matches if ``truth`` is there to tell; true and predicted boxes in pixels.

    ``cameras``: None for those that the dataset tells, with nothing measured of them.
    """
    training = model.training
    model.eval()
    dtype = pick_precision(config.precision, device)
    comparison = None
    if cameras is not None and isinstance(config.model, Comparing) and config.model.reference != "none":
        from pipeline.training.evaluation.comparison import Comparison

        comparison = Comparison(model, index, config.model, cameras, dtype)
    columns: dict[str, list[Any]] = {}
    keys = evaluation_keys(index.shape, config.eval_batch)
    seen: tuple[torch.Tensor, ...] = ()
    last_shape = None
    for batch, batch_keys in zip(
        load_batches(ShardDataset(index, config, augmented=False), keys, config.workers, device), keys, strict=True
    ):
        assert batch.samples is not None  # only a tolerant dataset leaves samples out
        items = [item for _, item, _ in batch_keys]
        if index.shape[items[0]] != last_shape:
            seen, last_shape = look(model, batch.samples.inputs.views, dtype), index.shape[items[0]]
        inputs, sightings = batch.samples.inputs, None
        if comparison is not None:
            inputs, sightings = comparison.look(inputs, items)
        prediction = forward(model, inputs, dtype, seen)
        if comparison is not None and sightings is not None:
            prediction = comparison.boxed(prediction, sightings)
        judged = _judge(prediction, batch.samples, truth, items)
        if comparison is not None and sightings is not None:
            judged |= comparison.judge(prediction, sightings, items)
        for name, value in judged.items():
            columns.setdefault(name, []).append(value)
    model.train(training)
    joined = {name: np.concatenate(values) for name, values in columns.items()}
    true_boxes, boxes = joined.pop("true_boxes"), joined.pop("boxes", None)
    probability = joined.pop("probability")
    if truth is not None:
        joined["changed"] = changed_shares(index)
    scores = Scores(probability, index.anomaly_type, index.part, index.shape, index.type_names, **joined)
    return scores, _in_pixels(true_boxes, index.size), None if boxes is None else _in_pixels(boxes, index.size)


def changed_shares(index: SplitIndex) -> Float64[np.ndarray, " sample"]:
    """``changed`` of ``Scores``."""
    shards, shares = [Shard(path) for path in index.files], np.zeros(len(index))
    for item in np.flatnonzero(index.label):
        shard, row = shards[int(index.file[item])], int(index.row[item])
        old, new = (shard.row("queries", name, row) > 127 for name in ("mask_old", "mask_new"))
        shares[item] = (old != new).mean()
    return shares


def _judge(prediction: Prediction, samples: Sample, truth: Truth | None, items: list[int]) -> dict[str, NDArray[Any]]:
    """Columns of ``Scores`` for one batch, ``true_boxes``, and ``boxes`` as predicted."""
    # float64, lest confident predictions tie at 1
    found = {"probability": prediction.logit.double().sigmoid().cpu().numpy(), "true_boxes": samples.box.cpu().numpy()}
    if prediction.box is not None:
        found["boxes"] = prediction.box.cpu().numpy()
        found["box_iou"] = iou(corners(prediction.box), corners(samples.box)).cpu().numpy().astype(np.float64)
    if prediction.maps is not None:
        changed = (samples.places > 127).any(dim=1).cpu().numpy()
        logits = prediction.maps[:, 1:].amax(dim=1).cpu().numpy()
        found["map_counts"] = np.stack([count_levels(*pair) for pair in zip(logits, changed, strict=True)])
    if prediction.type_logits is not None:
        kind = samples.anomaly_type.cpu().numpy()
        named = prediction.type_logits[:, 1:].argmax(dim=1).cpu().numpy() + 1  # given that it is anomalous
        found["type_right"] = np.where(kind > 0, named == kind, np.nan)
    if truth is not None and prediction.query_descriptors is not None and prediction.view_descriptors is not None:
        closest, pck = [], []
        found_matches = view_matches(prediction.query_descriptors, prediction.view_descriptors, samples.inputs)
        for matches, mask, item in zip(found_matches, samples.inputs.object_mask.cpu().numpy(), items, strict=True):
            patches = np.flatnonzero(patch_cover(mask) >= 0.5)
            closest.append(float(truth.closest_views(item)[np.argmax(view_scores(matches, patches))]))
            pck.append(truth.pck(item, matches, patches))
        found |= {"closest": np.array(closest), "pck": np.array(pck).reshape(-1, len(PCK_SHARES))}
    return found


def _in_pixels(boxes: Float[np.ndarray, "sample 4"], size: tuple[int, int]) -> Float64[np.ndarray, "sample 4"]:
    """Boxes (cx, cy, w, h) in shares of a (height, width) image to [x, y, width, height] in pixels."""
    centre, extent = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    return np.concatenate([centre - extent / 2, extent], axis=-1) * np.tile(size[::-1], 2)

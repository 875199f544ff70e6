"""Predictions of a model for a split, and how good they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.training.boxes import corners, iou
from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.config import TrainingConfig
from pipeline.training.data import ShardDataset, evaluation_keys, load_batches
from pipeline.training.device import pick_device
from pipeline.training.evaluation.metrics import Evaluation, Scores, evaluate_scores
from pipeline.training.index import SplitIndex, index_split
from pipeline.training.precision import forward, pick_precision


def evaluate_checkpoint(checkpoint: Path, dataset: Path, split: str, device: str, workers: int) -> Evaluation:
    """Metrics of a saved model on one split, with all reference views and without augmentation.

    Raises PipelineError where the checkpoint or the split is missing, unreadable or does not fit.
    """
    saved = load_checkpoint(checkpoint)
    config = saved.config.model_copy(update={"device": device, "workers": workers})
    target = pick_device(config.device)
    model = restore_model(saved, checkpoint).to(target)
    return evaluate_scores(predict(model, index_split(dataset, split), config, target))


@torch.no_grad()
def predict(model: nn.Module, index: SplitIndex, config: TrainingConfig, device: torch.device) -> Scores:
    """Score every sample of a split in stored order; the model comes back in the mode that it had."""
    training = model.training
    model.eval()
    probability, anomaly_type, box_iou = [], [], []
    dtype = pick_precision(config.precision, device)
    keys = evaluation_keys(len(index), config.eval_batch)
    for batch in load_batches(ShardDataset(index, config, augmented=False), keys, config.workers, device):
        samples = batch.samples
        assert samples is not None  # only a tolerant dataset leaves samples out
        prediction = forward(model, samples.inputs, dtype)
        probability.append(prediction.logit.sigmoid().cpu())
        anomaly_type.append(samples.anomaly_type.cpu())
        if prediction.box is not None:
            box_iou.append(iou(corners(prediction.box), corners(samples.box)).cpu())
    model.train(training)
    return Scores(
        torch.cat(probability).numpy().astype(np.float64),
        torch.cat(anomaly_type).numpy(),
        torch.cat(box_iou).numpy().astype(np.float64) if box_iou else None,
        index.type_names,
    )

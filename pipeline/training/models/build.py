"""Models from their settings."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.seeding import rng
from pipeline.training.config import TrainingConfig
from pipeline.training.models.cmt import CMT
from pipeline.training.models.encoder import load_backbone


def build_model(config: TrainingConfig) -> CMT:
    """A new model, its weights drawn from the seed, its encoder loaded where the config names a file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng(config.seed, "training", "weights").integers(2**63)))
        model = CMT(config.model)
    if config.encoder_weights is not None:
        load_backbone(model.encoder.backbone, Path(config.encoder_weights))
    return model

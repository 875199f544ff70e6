"""Beyond the paper: patches that are judged, and tokens that know how well they match."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipeline.training.config import TrainingConfig
from pipeline.training.data import ShardDataset, load_batches
from pipeline.training.index import index_split
from pipeline.training.losses import count, training_losses
from pipeline.training.models.build import build_model
from tests.training.synthetic import TINY

DENSE = TINY.model_copy(update={"model": TINY.model.model_copy(update={"patch_head": True, "match_score": True})})


@pytest.mark.parametrize("augmented", [True, False])
def test_anomalous_patches_are_those_that_the_mask_covers(dataset: Path, augmented: bool) -> None:
    samples = ShardDataset(index_split(dataset, "train"), DENSE, augmented)
    for item in range(4):
        sample = samples.sample((3, item, item))
        red = (sample.inputs.image[0].int() - sample.inputs.image[1].int() > 90).float()
        cover = red.unflatten(0, (8, 8)).unflatten(2, (8, 8)).mean(dim=(1, 3)).flatten()
        certain = (cover - 0.25).abs() > 0.15  # interpolation blurs the square's rim
        assert torch.equal(sample.anomalous_patches[certain], (cover >= 0.25)[certain])
        assert sample.anomalous_patches.any() == (sample.label == 1)
    plain = ShardDataset(index_split(dataset, "train"), TINY, augmented)
    assert not plain.sample((3, 1, 1)).anomalous_patches.any()


@pytest.mark.parametrize("config", [DENSE, DENSE.model_copy(update={"patch_weight": 0.0})])
def test_every_parameter_of_the_dense_model_learns(dataset: Path, config: TrainingConfig) -> None:
    samples = ShardDataset(index_split(dataset, "train"), config, augmented=True)
    batch = next(load_batches(samples, [[(0, i, i) for i in range(4)]], 0, torch.device("cpu"))).samples
    assert batch is not None
    model = build_model(config)
    losses = training_losses(model(batch.inputs), batch, config, count(batch, config))
    assert losses.patches > 0
    losses.total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []

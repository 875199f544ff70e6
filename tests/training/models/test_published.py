"""The authors' published network, against what their implementation gave for weights made up by rule."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.training.config import PublishedConfig
from pipeline.training.models.published import Published, soft_mask


@pytest.fixture(scope="module")
def facts(shared_data: Path) -> Path:
    return shared_data / "published_model"


@pytest.fixture(scope="module")
def rule(facts: Path) -> ModuleType:
    """What makes weights and inputs."""
    spec = importlib.util.spec_from_file_location("make_inputs", facts / "make_inputs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def expected(facts: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((facts / "expected.json").read_text())
    return found


@pytest.fixture(scope="module")
def model(rule: ModuleType) -> Published:
    made = Published(PublishedConfig()).eval()
    for part, weights in rule.weights().items():
        getattr(made, part).load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return made


@pytest.fixture(scope="module")
def inputs(rule: ModuleType) -> tuple[Tensor, Tensor, Tensor]:
    query, views, xyz = (torch.from_numpy(array) for array in rule.inputs())
    return 2 * query - 1, 2 * views - 1, xyz


@torch.no_grad()
def test_features_masks_and_descriptors_are_the_published_ones(
    model: Published, inputs: tuple[Tensor, Tensor, Tensor], expected: Mapping[str, Any]
) -> None:
    query, views, _ = inputs
    features = model.encoder(torch.cat([query, views]))
    mask = soft_mask(query, 32)
    descriptor = model.projector(features[:1], mask)
    assert mask.sum() == expected["mask_sum_query"]
    for ours, theirs in (
        (torch.stack([features.mean(), features.std()]), "features_mean_std"),
        (features[0, :8, 16, 16], "features_query_first8"),
        (descriptor[0, :8, 16, 16], "descriptor_query_centre_first8"),
    ):
        np.testing.assert_allclose(ours, expected[theirs], atol=1e-4)


@pytest.mark.parametrize("k", [100, 0])
@torch.no_grad()
def test_predictions_are_the_published_ones(
    model: Published, inputs: tuple[Tensor, Tensor, Tensor], expected: Mapping[str, Any], k: int
) -> None:
    query, views, xyz = inputs
    model.top_k = k
    described = model.describe(query), model.describe(views)
    prediction = model.judge(*described, xyz.flatten(1, 2), torch.arange(4)[None])
    theirs = expected[f"topk_{k}"]
    assert prediction.box is not None
    assert prediction.logit.item() == pytest.approx(theirs["logit"], abs=1e-3)
    np.testing.assert_allclose(torch.logit(prediction.box[0]), theirs["box_before_sigmoid"], atol=1e-3)
    affinity = described[0][1][0, 16 * 32 + 16] @ described[1][1].flatten(0, 1).T
    best = affinity.max(dim=0)
    assert [best.values.item(), best.indices.item()] == pytest.approx(expected["affinity_centre_max_argmax"], abs=1e-3)

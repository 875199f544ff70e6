"""A small model of every kind, and random input that all of them take."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pipeline.training.config import AnyModelConfig, ContrastiveConfig, LightFieldConfig, QueryOnlyConfig, ViTConfig
from pipeline.training.models import encoder, query_only
from pipeline.training.models.build import new_model
from pipeline.training.models.encoder import STRIDE, normalised
from pipeline.training.models.interface import Inputs, Prediction
from pipeline.training.models.light_field import WHITE, LightField
from tests.training.synthetic import TINY

_heads = {"dim": 8, "heads": 2, "feed_forward": 16}

MODELS: dict[str, AnyModelConfig] = {
    "cmt": TINY.model,
    "cmt, all keys": TINY.model.model_copy(update={"guided": False}),
    "query-only": QueryOnlyConfig(encoder_width=8, blocks=0, **_heads),
    "query-attention": QueryOnlyConfig(encoder_width=8, blocks=2, **_heads),
    "vit": ViTConfig(blocks=2, patch=16, **_heads),
    "contrastive": ContrastiveConfig(dim=8, encoder_width=8, projector_hidden=16, projector_dim=8),
    "light-field": LightFieldConfig(order=6, harmonics=6),
}


def tiny_model(name: str) -> nn.Module:
    """The same weights at every call; in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return new_model(MODELS[name]).eval()


def random_inputs(batch: int = 3, views: int = 4, size: int = 64, seed: int = 0) -> Inputs:
    """Ellipses of noise on white; no two alike."""
    generator = torch.Generator().manual_seed(seed)
    query_mask = _ellipses(batch, size, generator)
    view_mask = _ellipses(batch * views, size, generator).unflatten(0, (batch, views))
    patches = size // STRIDE
    return Inputs(
        image=torch.randint(256, (batch, 3, size, size), generator=generator, dtype=torch.uint8),
        object_mask=query_mask.to(torch.uint8) * 255,
        views=torch.randint(WHITE, view_mask.shape, generator=generator, dtype=torch.uint8).masked_fill(
            ~view_mask, WHITE
        ),
        patch_xyz=torch.rand(batch, views, patches, patches, 3, generator=generator),
        patch_valid=view_mask[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE],
    )


def predict_exactly(model: nn.Module, inputs: Inputs) -> Prediction:
    """In double precision, so that rounding does not rank keys; light fields, which rank none, in their own."""
    if isinstance(model, LightField):
        return model(inputs)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        for module in (encoder, query_only):
            patch.setattr(module, "normalised", lambda images: normalised(images).double())
        return model.double()(inputs._replace(patch_xyz=inputs.patch_xyz.double()))


def _ellipses(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(count, size, size) bool."""
    axis = (torch.arange(size) + 0.5) / size - 0.5
    middle = (torch.rand(count, 2, 1, 1, generator=generator) - 0.5) * 0.2
    radius = 0.15 + 0.2 * torch.rand(count, 2, 1, 1, generator=generator)
    y, x = (axis[:, None] - middle[:, 0]) / radius[:, 0], (axis - middle[:, 1]) / radius[:, 1]
    return x**2 + y**2 < 1

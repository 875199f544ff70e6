"""A small model of every kind, and random input that all of them take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from pipeline.training.config import (
    AnyModelConfig,
    CompareConfig,
    ContrastiveConfig,
    LightFieldConfig,
    PublishedConfig,
    QueryOnlyConfig,
    ViTConfig,
)
from pipeline.training.models import compare, encoder, published, query_only
from pipeline.training.models.build import new_model
from pipeline.training.models.encoder import STRIDE, normalised
from pipeline.training.models.interface import Inputs, Model, Prediction, Views
from pipeline.training.models.light_field import WHITE, LightField
from pipeline.training.models.published import scaled
from tests.training.synthetic import TINY

_heads = {"dim": 8, "heads": 2, "feed_forward": 16}

MODELS: dict[str, AnyModelConfig] = {
    "cmt": TINY.model,
    "cmt, all keys": TINY.model.model_copy(update={"guided": False}),
    "published": PublishedConfig(top_k=6),
    "query-only": QueryOnlyConfig(encoder_width=8, blocks=0, **_heads),
    "query-attention": QueryOnlyConfig(encoder_width=8, blocks=2, **_heads),
    "vit": ViTConfig(blocks=2, patch=16, **_heads),
    "contrastive": ContrastiveConfig(dim=8, encoder_width=8, projector_hidden=16, projector_dim=8),
    "light-field": LightFieldConfig(order=6, harmonics=6),
    "compare": CompareConfig(width=8, levels=3),
}


def tiny_model(name: str) -> Model:
    """The same weights at every call; in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return new_model(MODELS[name]).eval()


def inputs_of(image: Tensor, object_mask: Tensor, views: Tensor, patch_xyz: Tensor, patch_valid: Tensor) -> Inputs:
    """Of queries that share no view: what is of views has the axes ``batch chosen``."""
    chosen = torch.arange(views[:, :, 0, 0].numel()).view(views.shape[:2])
    return Inputs(image, object_mask, Views.of(*(x.flatten(0, 1) for x in (views, patch_xyz, patch_valid))), chosen)


def repeated(inputs: Inputs) -> Inputs:
    """The same where no two queries share a view."""
    return inputs_of(inputs.image, inputs.object_mask, *(x[inputs.chosen] for x in inputs.views[:3]))


def random_inputs(batch: int = 3, views: int = 4, size: int = 64, seed: int = 0) -> Inputs:
    """Ellipses of noise on white; no two alike."""
    generator = torch.Generator().manual_seed(seed)
    query_mask = _ellipses(batch, size, generator)
    view_mask = _ellipses(batch * views, size, generator).unflatten(0, (batch, views))
    patches = size // STRIDE
    return inputs_of(
        torch.randint(256, (batch, 3, size, size), generator=generator, dtype=torch.uint8),
        query_mask.to(torch.uint8) * 255,
        torch.randint(WHITE, view_mask.shape, generator=generator, dtype=torch.uint8).masked_fill(~view_mask, WHITE),
        torch.rand(batch, views, patches, patches, 3, generator=generator),
        view_mask[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE],
    )


def similarity_of(prediction: Prediction, inputs: Inputs) -> Tensor:
    """M of Eq. 12, (batch, patch, chosen * patch), whole."""
    assert prediction.query_descriptors is not None and prediction.view_descriptors is not None
    return prediction.query_descriptors @ prediction.view_descriptors[inputs.chosen].flatten(1, 2).mT


@contextmanager
def exactly(model: Model, inputs: Inputs) -> Iterator[Inputs]:
    """In double precision, so that rounding does not rank keys; light fields, which rank none, in their own."""
    with pytest.MonkeyPatch.context() as patch:
        if not isinstance(model, LightField):
            model.double()
            for module in (compare, encoder, query_only):
                patch.setattr(module, "normalised", lambda images: normalised(images).double())
            patch.setattr(published, "scaled", lambda images: scaled(images).double())
        yield inputs._replace(views=inputs.views._replace(patch_xyz=inputs.views.patch_xyz.double()))


@torch.no_grad()
def predict_exactly(model: Model, inputs: Inputs) -> Prediction:
    with exactly(model, inputs) as given:
        return model(given)


def _ellipses(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(count, size, size) bool."""
    axis = (torch.arange(size) + 0.5) / size - 0.5
    middle = (torch.rand(count, 2, 1, 1, generator=generator) - 0.5) * 0.2
    radius = 0.15 + 0.2 * torch.rand(count, 2, 1, 1, generator=generator)
    y, x = (axis[:, None] - middle[:, 0]) / radius[:, 0], (axis - middle[:, 1]) / radius[:, 1]
    return x**2 + y**2 < 1

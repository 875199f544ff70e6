"""Models from their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pipeline.errors import PipelineError
from pipeline.seeding import rng
from pipeline.training.config import (
    AnyModelConfig,
    CMTConfig,
    ColoursConfig,
    CompareConfig,
    ContrastiveConfig,
    LightFieldConfig,
    PublishedConfig,
    QueryOnlyConfig,
    TrainingConfig,
    ViTConfig,
)
from pipeline.training.models.cmt import CMT
from pipeline.training.models.colours import Colours
from pipeline.training.models.compare import Compare
from pipeline.training.models.contrastive import Contrastive
from pipeline.training.models.encoder import ResNet18, load_backbone
from pipeline.training.models.interface import Model
from pipeline.training.models.light_field import LightField
from pipeline.training.models.published import Published
from pipeline.training.models.query_only import QueryOnly, ViT


def new_model(config: AnyModelConfig) -> Model:
    """A model of the config's kind, its weights drawn from PyTorch's generator; called with ``Inputs``."""
    match config:
        case CMTConfig():
            return CMT(config)
        case PublishedConfig():
            return Published(config)
        case QueryOnlyConfig():
            return QueryOnly(config)
        case ViTConfig():
            return ViT(config)
        case ContrastiveConfig():
            return Contrastive(config)
        case LightFieldConfig():
            return LightField(config)
        case CompareConfig():
            return Compare(config)
        case ColoursConfig():
            return Colours(config)


def model_within(config: AnyModelConfig, most_bytes: int) -> Model:
    """The same, but ValueError where its numbers would take more than so many bytes: a file may ask for any model."""
    with _Within(most_bytes):
        return new_model(config)


class _Within(TorchFunctionMode):
    """Counts what is made room for, before it is filled."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._left = most_bytes

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if func in (torch.empty, torch.zeros, torch.ones, torch.randn):
            self._left -= made.nbytes
            if self._left < 0:
                raise ValueError(f"a tensor of shape {tuple(made.shape)} would be more than the file holds")
        return made


def build_model(config: TrainingConfig) -> Model:
    """A new model, its weights drawn from the seed, its encoder loaded where the config names a file.

    Raises PipelineError where the file does not fit, or the model has no encoder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng(config.seed, "training", "weights").integers(2**63)))
        model = new_model(config.model)
    if config.encoder_weights is not None:
        backbone = getattr(getattr(model, "encoder", None), "backbone", None)
        if not isinstance(backbone, ResNet18):
            raise PipelineError(
                f"encoder_weights = {config.encoder_weights}: a model of kind {config.model.kind} has no ResNet-18; "
                "leave encoder_weights out"
            )
        load_backbone(backbone, Path(config.encoder_weights))
    return model

"""What a run changes step by step: the model, its moving average, and what turns gradients into weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.training.checkpoint import Checkpoint, load_checkpoint, load_weights, restore_model, restore_optimiser
from pipeline.training.config import TrainingConfig
from pipeline.training.distributed import Group
from pipeline.training.models.build import build_model
from pipeline.training.models.interface import Model, Views
from pipeline.training.precision import look, pick_precision


@dataclass(frozen=True, eq=False)
class Learner:
    """dtype: what the model is computed in.

    average, keys: moving averages of the model, None where the config asks for none; the first is what is judged, the
    second gives the keys of the alignment. compiled: what computes the model's predictions, it or a translation of it.
    """

    model: Model
    compiled: Model
    dtype: torch.dtype
    average: AveragedModel | None
    keys: AveragedModel | None
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    clip_norm: float | None

    @property
    def judged(self) -> Model:
        """The model that validation sees: the average, if there is one."""
        if self.average is None:
            return self.model
        return _averaged(self.average)

    @torch.no_grad()
    def keys_of(self, views: Views) -> Float[Tensor, "view patch descriptor"] | None:
        """The views' descriptors as keys of the alignment, where a moving average gives them."""
        return None if self.keys is None else look(_averaged(self.keys), views, self.dtype)[-1].float()

    def prepare(self, rate: float) -> None:
        """Begin a step of this learning rate: no gradients yet."""
        for settings in self.optimiser.param_groups:
            settings["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)

    def update(self, samples: int) -> None:
        """One step by the gradients at hand; of no ``samples``, momentum alone would move the weights, so they stay."""
        if samples:
            if self.clip_norm is not None:
                self.scaler.unscale_(self.optimiser)
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
            self.scaler.step(self.optimiser)
            self.scaler.update()

    def follow(self) -> None:
        """Let the moving averages follow the model, once a batch."""
        for average in (self.average, self.keys):
            if average is not None:
                average.update_parameters(self.model)

    def state(self) -> Mapping[str, Any]:
        """Its fields of a checkpoint."""
        return {
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.module.state_dict(),
            "keys": None if self.keys is None else self.keys.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
        }


def new_learner(config: TrainingConfig, state: Checkpoint | None, path: Path, group: Group) -> Learner:
    """A new model on the group's devices, or the one of ``state``, which was read from ``path``.

    Raises PipelineError where that does not fit its own config.
    """
    dtype = pick_precision(config.precision, group.device)
    origin = load_checkpoint(Path(config.weights)) if state is None and config.weights is not None else state
    model = restore_model(state, path, averaged=False) if state else _begin(config, origin)
    group.share(model).train()
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=group.device.type == "cuda",
    )
    scaler = torch.amp.GradScaler(group.device.type, enabled=dtype == torch.float16)
    if state:
        restore_optimiser(state, path, optimiser, scaler)
    average = _average(model, config.ema, state.average if state else None)
    keys = _average(model, config.key_momentum if model.matches else 0.0, origin.keys if origin else None)
    compiled = cast(Model, torch.compile(model)) if config.compile else model
    return Learner(model, compiled, dtype, average, keys, optimiser, scaler, config.clip_norm)


def _begin(config: TrainingConfig, origin: Checkpoint | None) -> Model:
    """A new model, with the weights of ``origin``, which ``config.weights`` names, if there is one."""
    model = build_model(config)
    if origin is not None:
        load_weights(model, origin, Path(str(config.weights)))
    return model


def _average(model: Model, decay: float, weights: Mapping[str, Any] | None) -> AveragedModel | None:
    """A moving average of the model, batch statistics and all, from ``weights`` on; of decay 0 none."""
    if not decay:
        return None
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    if weights is not None:
        average.module.load_state_dict(weights)
        average.n_averaged.fill_(1)  # the first update would copy the model
    return average


def _averaged(average: AveragedModel) -> Model:
    assert isinstance(average.module, Model)  # it is a copy of one
    return average.module

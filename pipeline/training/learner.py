"""What a run changes step by step: the model, its moving average, and what turns gradients into weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.training.checkpoint import Checkpoint, restore_model, restore_optimiser
from pipeline.training.config import TrainingConfig
from pipeline.training.distributed import Group
from pipeline.training.models.build import build_model
from pipeline.training.precision import pick_precision


@dataclass(frozen=True, eq=False)
class Learner:
    """dtype: what the model is computed in; average: None where the config asks for none."""

    model: nn.Module
    dtype: torch.dtype
    average: AveragedModel | None
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    clip_norm: float | None

    @property
    def judged(self) -> nn.Module:
        """The model that validation sees: the average, if there is one."""
        return self.model if self.average is None else self.average.module

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
        if self.average is not None:
            self.average.update_parameters(self.model)

    def state(self) -> Mapping[str, Any]:
        """Its fields of a checkpoint."""
        return {
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
        }


def new_learner(config: TrainingConfig, state: Checkpoint | None, path: Path, group: Group) -> Learner:
    """A new model on the group's devices, or the one of ``state``, which was read from ``path``.

    Raises PipelineError where that does not fit its own config.
    """
    dtype = pick_precision(config.precision, group.device)
    model = restore_model(state, path, averaged=False) if state else build_model(config)
    group.share(model).train()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
    )
    scaler = torch.amp.GradScaler(group.device.type, enabled=dtype == torch.float16)
    if state:
        restore_optimiser(state, path, optimiser, scaler)
    return Learner(model, dtype, _average(model, config, state), optimiser, scaler, config.clip_norm)


def _average(model: nn.Module, config: TrainingConfig, state: Checkpoint | None) -> AveragedModel | None:
    """The moving average of the model, batch statistics and all, where the config asks for one."""
    if not config.ema:
        return None
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
    if state is not None and state.average is not None:
        average.module.load_state_dict(state.average)
        average.n_averaged.fill_(state.step)  # the first update would copy the weights
    return average

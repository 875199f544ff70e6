"""One step of training: the gradient of a whole batch, whatever parts and processes it is computed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from pipeline.training.config import TrainingConfig
from pipeline.training.data import Sample
from pipeline.training.distributed import Group
from pipeline.training.learner import Learner
from pipeline.training.losses import Counts, Losses, Task, count, training_losses
from pipeline.training.models.interface import Model
from pipeline.training.precision import forward


class Step(NamedTuple):
    """What a batch came to over all parts and processes: its ``Losses``, and how many samples could be read.

    The losses are on the device, which may still be computing them.
    """

    losses: Float[Tensor, " loss"]
    samples: int

    def by_name(self) -> dict[str, float]:
        """The losses, waited for."""
        return dict(zip(Losses._fields, self.losses.tolist(), strict=True))


def learn(learner: Learner, parts: Sequence[Sample], rate: float, config: TrainingConfig, group: Group) -> Step:
    """Change the learner by one batch of which this process has ``parts``, which may be none; all processes call this.

    One step of the optimiser, or two that alternate where the model has anything to align. Nothing waits for the
    device, so that losses that are not finite spoil the weights before anyone sees them.
    """
    steps = []
    alternates = config.alternate and config.alignment_weight > 0 and learner.model.matches
    tasks: tuple[Task, ...] = ("alignment", "detection") if alternates else ("all",)
    for task in tasks:
        learner.prepare(rate)
        steps.append(gradients(learner, parts, config, group, task))
        learner.update(steps[-1].samples)
    learner.follow()
    return Step(torch.stack([step.losses for step in steps]).sum(dim=0), steps[-1].samples)


def gradients(
    learner: Learner, parts: Sequence[Sample], config: TrainingConfig, group: Group, task: Task = "all"
) -> Step:
    """Fill the gradients of the batch by the losses of a task.

    Two exchanges, of the counts and of the gradients; several processes wait for the first. The gradients are scaled by
    the learner's scaler. The model's batch statistics end as the mean over the processes, weighed by their samples.
    """
    counts = _counts(parts, config, group)
    own = sum(len(part.label) for part in parts)
    samples = int(counts.samples) if group.size > 1 else own
    reported = torch.zeros(len(Losses._fields), device=group.device)
    for part in parts:
        keys = None if task == "detection" else learner.keys_of(part.inputs.views)
        prediction = forward(learner.compiled, part.inputs, learner.dtype)
        losses = training_losses(prediction, part, config, counts, keys, task)
        learner.scaler.scale(losses.total).backward()
        reported += torch.stack(losses).detach()
    if not parts:
        learner.scaler.scale(reported)  # or it would have no scale yet when the optimiser's step asks for it
    if group.size > 1:
        group.add_up([reported, *_whole_gradients(learner.model)])
    if group.size > 1 and samples:
        _average_statistics(learner.model, own / samples, group)
    return Step(reported, samples)


def _counts(parts: Sequence[Sample], config: TrainingConfig, group: Group) -> Counts:
    """Of the whole batch."""
    counts = torch.zeros(len(Counts._fields), dtype=torch.int64, device=group.device)
    for part in parts:
        counts += torch.stack(count(part, config))
    group.add_up([counts])
    return Counts(*counts)


def _whole_gradients(model: Model) -> list[Tensor]:
    """Of every parameter, zeros where this process had nothing to compute."""
    found = []
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        found.append(parameter.grad)
    return found


def _average_statistics(model: Model, share: float, group: Group) -> None:
    """Make what a checkpoint holds beside parameters the mean over the group, ``share`` being this process's weight."""
    state = model.state_dict()
    buffers = [state[name] for name, _ in model.named_buffers() if name in state]
    means = [share * buffer.double() for buffer in buffers]
    group.add_up(means)
    for buffer, mean in zip(buffers, means, strict=True):
        buffer.copy_(mean if buffer.is_floating_point() else mean.round())

"""The learning rate: a function of the step, so that a resumed run needs no state of it."""

from __future__ import annotations

import math

from pipeline.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of step ``step`` (from 1) of ``steps``.

    A linear warm-up, then constant, half a cosine down to 0, or tenfold lower after every ``decay_epochs``.

    >>> config = TrainingConfig(learning_rate=0.1, warmup_steps=10, schedule="cosine")
    >>> [round(learning_rate(config, step, steps=20), 4) for step in (1, 10, 15, 20)]
    [0.01, 0.1, 0.05, 0.0]
    >>> config = TrainingConfig(learning_rate=0.1, schedule="steps", decay_epochs=2, epochs=4)
    >>> [round(learning_rate(config, step, steps=40), 4) for step in (1, 20, 21, 40)]
    [0.1, 0.1, 0.01, 0.01]
    """
    if step <= config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "steps":
        return config.learning_rate / 10 ** ((step - 1) * config.epochs // (steps * config.decay_epochs))
    progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.learning_rate * (1 + math.cos(math.pi * min(1.0, progress))) / 2

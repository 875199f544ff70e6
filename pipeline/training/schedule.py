"""The learning rate: a function of the step, so that a resumed run needs no state of it."""

from __future__ import annotations

import math

from pipeline.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of step ``step`` (from 1) of ``steps``: a linear warm-up, then constant or half a cosine down to 0.

    >>> config = TrainingConfig(learning_rate=0.1, warmup_steps=10, schedule="cosine")
    >>> [round(learning_rate(config, step, steps=20), 4) for step in (1, 10, 15, 20)]
    [0.01, 0.1, 0.05, 0.0]
    """
    if step <= config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.learning_rate * (1 + math.cos(math.pi * min(1.0, progress))) / 2

"""Where to compute."""

from __future__ import annotations

import torch

from pipeline.errors import PipelineError


def pick_device(name: str) -> torch.device:
    """``auto`` takes a CUDA device where there is one. Raises PipelineError for a device that is not there."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise PipelineError("device cuda: PyTorch finds no CUDA device here; use device auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")

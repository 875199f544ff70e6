"""Mixed precision: what is computed in half precision, and what must not be."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.errors import PipelineError
from pipeline.training.config import Precision
from pipeline.training.models.interface import Inputs, Prediction

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_precision(name: Precision, device: torch.device) -> torch.dtype:
    """``auto`` takes bf16 on GPUs that have it, else float32. Raises PipelineError for fp16 on a CPU."""
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    if name == "fp16" and device.type == "cpu":
        raise PipelineError("precision = fp16 needs a GPU; on a CPU take bf16 or float32")
    return DTYPES[name]


def forward(model: nn.Module, inputs: Inputs, dtype: torch.dtype) -> Prediction:
    """The model's prediction, computed in ``dtype`` where that is safe, given in float32, which losses need."""
    with torch.autocast(inputs.image.device.type, dtype, enabled=dtype != torch.float32):
        prediction: Prediction = model(inputs)
    given = {name: value for name, value in prediction._asdict().items() if value is not None}
    return prediction._replace(**{name: value.float() for name, value in given.items()})

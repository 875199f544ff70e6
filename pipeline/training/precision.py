"""Mixed precision: what is computed in half precision, and what must not be."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.training.config import Precision
from pipeline.training.models.interface import Inputs, Model, Prediction, Views

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_precision(name: Precision, device: torch.device) -> torch.dtype:
    """``auto`` takes bf16 on GPUs that have it, else float32. Raises PipelineError for fp16 on a CPU."""
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    if name == "fp16" and device.type == "cpu":
        raise PipelineError("precision = fp16 needs a GPU; on a CPU take bf16 or float32")
    return DTYPES[name]


def look(model: Model, views: Views, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """What the model, in evaluation mode, makes of views alone; for any number of ``forward``."""
    with _autocast(views.image.device, dtype):
        return model.look(views)


def forward(model: Model, inputs: Inputs, dtype: torch.dtype, seen: tuple[Tensor, ...] = ()) -> Prediction:
    """The model's prediction, computed in ``dtype`` where that is safe, given in float32, which losses need.

    seen: what ``look`` made of the views of ``inputs``, if it did.
    """
    with _autocast(inputs.image.device, dtype):
        prediction: Prediction = model(inputs, seen)
    given = {name: value for name, value in prediction._asdict().items() if value is not None}
    return prediction._replace(**{name: value.float() for name, value in given.items()})


def _autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

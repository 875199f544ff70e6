"""Reading files written by ``torch.save`` without executing what they hold."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import PipelineError

#: What ``torch.load`` raises on files that are cut off, of another kind, or refused as unsafe.
UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
)


def read_torch_dict(path: Path, what: str) -> dict[str, Any]:
    """The dictionary in a file, on the CPU. Raises PipelineError, which calls the file ``what``, if there is none."""
    if not path.is_file():
        raise PipelineError(f"{what} {path} is missing")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise PipelineError(f"{what} {path} is not a whole PyTorch file of tensors; write or copy it again") from error
    if not isinstance(content, dict):
        raise PipelineError(f"{what} {path} holds a {type(content).__name__}, expected a dictionary")
    return content

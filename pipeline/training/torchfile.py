"""Reading files written by ``torch.save`` without executing what they hold."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import PipelineError

#: What a file holds is at most so many times as large as the file: tensors may share their numbers.
MOST_TIMES = 4


def read_torch_dict(path: Path, what: str) -> dict[str, Any]:
    """The dictionary in a file, on the CPU. Raises PipelineError, which calls the file ``what``, if there is none."""
    if not path.is_file():
        raise PipelineError(f"{what} {path} is missing")
    most = path.stat().st_size * MOST_TIMES + 2**20
    try:
        if zipfile.is_zipfile(path):
            _refuse_more(sum(entry.file_size for entry in zipfile.ZipFile(path).infolist()), most)
        content = torch.load(path, map_location="cpu", weights_only=True)
        _refuse_more(sum(tensor.numel() * tensor.element_size() for tensor in _tensors(content)), most)
    except Exception as error:  # a damaged file may raise anything
        raise PipelineError(f"{what} {path} is not a whole PyTorch file of tensors; write or copy it again") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise PipelineError(f"{what} {path} holds a {type(content).__name__}, expected a dictionary by names")
    return content


def _refuse_more(size: int, most: int) -> None:
    """Raise ValueError for more bytes than such a file may come to: zeros that are packed, one number for many."""
    if size > most:
        raise ValueError(f"it comes to {size} bytes")


def _tensors(content: Any) -> Iterator[Tensor]:
    """All in it, however deep; each as often as it is there."""
    pending, seen = [content], set[int]()
    while pending:
        item = pending.pop()
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, dict | list | tuple | set) and id(item) not in seen:
            seen.add(id(item))
            pending += item.values() if isinstance(item, dict) else item

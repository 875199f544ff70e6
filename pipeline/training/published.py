"""The authors' checkpoint, ``model.pt``: a file of state dicts by part, into a checkpoint of ours and back.

Its parts are those of ``models/published.py``, and ``encoder_ema`` and ``projector_ema``, the momentum encoder of the
alignment loss, which is not used to predict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.training.config import PublishedConfig
from pipeline.training.models.published import Published

PARTS = ("encoder", "projector", "attention_decoder")
#: Averages of parts, by the names that the file gives them.
AVERAGES = {"encoder_ema": "encoder", "projector_ema": "projector"}
#: Height and width of the images that the authors train on, and views of a shape.
SIZE, VIEWS = (256, 256), 20
#: Names told of those that are wrong.
TOLD = 3


def is_published(content: Mapping[str, Any]) -> bool:
    """Whether what a file holds is meant to be the authors' checkpoint: some of its parts, none of ours."""
    return "format" not in content and any(part in content for part in PARTS)


Weights = dict[str, Tensor]


def read_weights(content: Mapping[str, Any], path: Path) -> tuple[Weights, Weights | None]:
    """The weights of ``models/published.py`` among ``content``, which was read from ``path``.

    Then those with the momentum encoder in place of the encoder, if there is one. Raises PipelineError where parts or
    keys are missing, unknown or of another shape.
    """
    unknown = sorted(content.keys() - {*PARTS, *AVERAGES})
    missing = [part for part in PARTS if part not in content]
    if missing or unknown:
        raise _wrong(path, "", missing, unknown, [])
    with torch.device("meta"):
        expected = Published(PublishedConfig())
    parts = {part: _part(content[part], getattr(expected, part).state_dict(), part, path) for part in PARTS}
    averages = {
        part: _part(content[name], getattr(expected, part).state_dict(), name, path)
        for name, part in AVERAGES.items()
        if name in content
    }
    return _flat(parts), _flat(parts | averages) if averages else None


def _part(given: Any, known: Mapping[str, Tensor], part: str, path: Path) -> Weights:
    if not isinstance(given, dict) or not all(isinstance(value, Tensor) for value in given.values()):
        raise PipelineError(f"{path}: {part} is no dictionary of tensors; download the authors' model.pt again")
    reshaped = [
        f"{key} {tuple(given[key].shape)} instead of {tuple(value.shape)}"
        for key, value in known.items()
        if key in given and given[key].shape != value.shape
    ]
    missing, unknown = sorted(known.keys() - given.keys()), sorted(given.keys() - known.keys())
    if missing or unknown or reshaped:
        raise _wrong(path, part, missing, unknown, reshaped)
    return given


def _flat(parts: Mapping[str, Weights]) -> Weights:
    return {f"{part}.{key}": value for part, weights in parts.items() for key, value in weights.items()}


def file_content(weights: Mapping[str, Tensor], keys: Mapping[str, Tensor] | None) -> dict[str, Weights]:
    """What ``torch.save`` writes as the authors' checkpoint; without ``keys`` the momentum encoder is the encoder."""
    averages = {name: _of_part(weights if keys is None else keys, part) for name, part in AVERAGES.items()}
    return {part: _of_part(weights, part) for part in PARTS} | averages


def _of_part(weights: Mapping[str, Tensor], part: str) -> Weights:
    own = f"{part}."
    return {key.removeprefix(own): value for key, value in weights.items() if key.startswith(own)}


def _wrong(
    path: Path, part: str, missing: Sequence[str], unknown: Sequence[str], reshaped: Sequence[str]
) -> PipelineError:
    faults = (("lacks", missing), ("has the unknown", unknown), ("has", reshaped))
    told = [f"{verb} {_named(names)}" for verb, names in faults if names]
    where = f"{path}: {part}" if part else f"{path}"
    return PipelineError(f"{where} {' and '.join(told)}: it is not the authors' published model; download theirs again")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more

"""Checkpoints: everything that a run needs to go on exactly where it stood.

No generator state is among it, because none exists: shuffling and augmentation draw from generators named
by (seed, epoch, index), and no model has random layers. Seed and step are the whole state of chance. Nor has the
schedule a state: the learning rate is a function of config and step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field, NonNegativeInt, TypeAdapter, ValidationError
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.settings.loading import parse
from pipeline.training import published
from pipeline.training.config import ColoursConfig, PublishedConfig, TrainingConfig
from pipeline.training.models.build import model_within, new_model
from pipeline.training.models.interface import Model
from pipeline.training.torchfile import read_torch_dict

#: Called so, a model that nobody needs to train is taken in place of a file.
UNTRAINED = "untrained"
FORMAT = "l3d-checkpoint"
VERSION = 4
#: Bytes of what a model may have beside the weights that a file holds.
BESIDES = 64 << 20


#: Pixels along an edge of the images that a model is for.
_Side = Annotated[int, Field(ge=1, le=8192)]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run after some steps.

    step, epoch: finished optimiser steps and epochs; limit: how many samples it memorises, None if it
    trains on all; best_auc: the best of the validations so far, None before there is one; average: the moving
    average of the model, None without one; keys: the one that gives the alignment's keys, likewise; scaler: of fp16's
    loss scale, empty without; size: (height, width) of the images, and reference_views: how many of a shape the dataset
    has; resumable: whether this program would take the steps that the run would have taken.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    model: dict[str, Any]
    average: dict[str, Any] | None
    keys: dict[str, Any] | None
    optimiser: dict[str, Any]
    scaler: dict[str, Any]
    step: NonNegativeInt
    epoch: NonNegativeInt
    limit: NonNegativeInt | None
    best_auc: float | None
    size: tuple[_Side, _Side]
    reference_views: Annotated[int, Field(ge=1, le=10_000)]
    config: TrainingConfig
    resumable: bool = True


_SCHEMA = TypeAdapter(Checkpoint)


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write atomically: a killed run leaves the previous checkpoint whole."""
    content = {**vars(checkpoint), "config": checkpoint.config.model_dump(mode="json")}
    with atomic(path) as temporary:
        torch.save({"format": FORMAT, "version": VERSION, **content}, temporary)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, or the authors' ``model.pt``, on the CPU; executes no code from the file.

    ``UNTRAINED`` is the model of kind colours. Raises PipelineError if it is none of these.
    """
    if path == Path(UNTRAINED) and not path.exists():
        config = TrainingConfig(model=ColoursConfig())
        return _of_no_run(new_model(config.model).state_dict(), None, config)
    content = read_torch_dict(path, "checkpoint")
    if published.is_published(content):
        config = TrainingConfig(model=PublishedConfig(), reference_views=2)
        return _of_no_run(*published.read_weights(content, path), config)
    if content.get("format") != FORMAT:
        raise PipelineError(
            f"checkpoint {path} is neither an {FORMAT}, as l3d-train writes, nor the authors' published model.pt"
        )
    version = content.pop("version", None)
    if not isinstance(version, int) or not 2 <= version <= VERSION:
        raise PipelineError(
            f"{path} is an {FORMAT} of version {version}, this program reads versions 2 to {VERSION}: use a "
            "matching release, or train again"
        )
    if version == 2:
        content = _from_version_2(content)
    if version < VERSION:  # those runs drew samples in another order
        content = {"keys": None, "resumable": False, **content}
    del content["format"]
    if isinstance(content.get("config"), dict):
        content["config"] = parse(TrainingConfig, content["config"], str(path))
    try:
        return _SCHEMA.validate_python(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise PipelineError(f"checkpoint {path} is not whole ({problems[:300]}); write or copy it again") from error


def _of_no_run(weights: dict[str, Any], keys: dict[str, Any] | None, config: TrainingConfig) -> Checkpoint:
    """As if it had been trained here, for no step, on images like the authors'; there is nothing to resume."""
    return Checkpoint(
        model=weights,
        average=None,
        keys=keys,
        optimiser={},
        scaler={},
        step=0,
        epoch=0,
        limit=None,
        best_auc=None,
        size=published.SIZE,
        reference_views=published.VIEWS,
        config=config,
        resumable=False,
    )


def export_published(checkpoint: Checkpoint, origin: Path, path: Path) -> None:
    """Write the weights of a model of kind ``published``, averaged if there is an average, as the authors' file.

    Raises PipelineError where the checkpoint, which was read from ``origin``, is of another kind or not whole.
    """
    if not isinstance(checkpoint.config.model, PublishedConfig):
        raise PipelineError(
            f"{origin} is a model of kind {checkpoint.config.model.kind}; only one of kind published fits the "
            "authors' file"
        )
    weights = restore_model(checkpoint, origin).state_dict()
    with atomic(path) as temporary:
        torch.save(published.file_content(weights, checkpoint.keys), temporary)


def load_weights(model: Model, saved: Checkpoint, path: Path) -> None:
    """Give the model the weights of ``saved``, which was read from ``path``, averaged if there is an average.

    Raises PipelineError where they do not fit, or are not finite.
    """
    if saved.keys is not None:
        _load(model, saved.keys, path)
    _load(model, saved.model if saved.average is None else saved.average, path)


def _from_version_2(content: dict[str, Any]) -> dict[str, Any]:
    """There, what is called ``reference_views`` was ``views``, in the config as well."""
    renamed = {"reference_views" if key == "views" else key: value for key, value in content.items()}
    return (
        {**renamed, "config": _from_version_2(renamed["config"])}
        if isinstance(renamed.get("config"), dict)
        else renamed
    )


def restore_model(checkpoint: Checkpoint, path: Path, averaged: bool = True) -> Model:
    """The model with the checkpoint's weights; ``averaged``: with their moving average, if it has one.

    Raises PipelineError where weights or average do not fit its config, or are not finite.
    """
    held = sum(value.nbytes for value in checkpoint.model.values() if isinstance(value, Tensor))
    try:
        model = model_within(checkpoint.config.model, 2 * held + BESIDES)
    except (ValueError, RuntimeError) as error:  # PyTorch's own, where not even room can be had
        raise PipelineError(
            f"{path}: its config asks for a larger model than it holds ({error}); copy it again"
        ) from error
    shown = (checkpoint.model, checkpoint.average) if averaged else (checkpoint.average, checkpoint.model)
    for weights in (checkpoint.keys, *shown):
        if weights is not None:  # all are looked at, and the last one stays
            _load(model, weights, path)
    return model


def restore_optimiser(
    checkpoint: Checkpoint, path: Path, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> None:
    """Give both the checkpoint's state. Raises PipelineError where that does not fit the model."""
    try:
        optimiser.load_state_dict(checkpoint.optimiser)
        scaler.load_state_dict(checkpoint.scaler)
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PipelineError(
            f"{path}: the optimiser's state does not fit the model ({reason}); copy the file again, or train anew"
        ) from error


def _load(model: Model, weights: dict[str, Any], path: Path) -> None:
    try:
        model.load_state_dict(weights)
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PipelineError(f"{path}: the weights do not fit the model that the config asks for ({reason})") from error
    broken = [name for name, value in model.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise PipelineError(
            f"{path}: {len(broken)} of {len(weights)} weights are not finite (first: {broken[0]}); the run diverged: "
            "train again with a lower learning_rate, or take an earlier checkpoint"
        )

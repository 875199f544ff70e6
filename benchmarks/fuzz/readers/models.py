"""Checkpoints, and weights to begin with."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.fuzz.reader import Reader
from pipeline.training.checkpoint import Checkpoint, load_checkpoint, restore_model, restore_optimiser, save_checkpoint
from pipeline.training.config import ColoursConfig, CompareConfig, TrainingConfig
from pipeline.training.logs import RunLog
from pipeline.training.models.build import new_model
from pipeline.training.models.encoder import ResNet18, load_backbone
from tests.training.synthetic import TINY

STEPS = '{"step": 1, "epoch": 0, "loss": {"all": 0.5}}\n{"step": 2, "epoch": 1, "validation": {"auc": 0.5}}\n'


def _checkpoint_seeds(folder: Path) -> None:
    configs = (TINY, TrainingConfig(model=ColoursConfig()), TrainingConfig(model=CompareConfig(width=8, levels=2)))
    for number, config in enumerate(configs):
        (folder / str(number)).mkdir()
        save_checkpoint(_checkpoint(config), folder / str(number) / "last.pt")
    content = torch.load(folder / "0" / "last.pt", weights_only=True)
    (folder / "legacy").mkdir()
    torch.save(content, folder / "legacy" / "last.pt", _use_new_zipfile_serialization=False)


def _checkpoint(config: TrainingConfig) -> Checkpoint:
    model = new_model(config.model)
    optimiser = torch.optim.AdamW(model.parameters()).state_dict() if list(model.parameters()) else {}
    return Checkpoint(
        model=model.state_dict(),
        average=model.state_dict(),
        keys=None,
        optimiser=optimiser,
        scaler={},
        step=3,
        epoch=1,
        limit=None,
        best_auc=0.5,
        size=(64, 64),
        reference_views=4,
        config=config,
    )


def _load(folder: Path, out: Path) -> None:
    path = folder / "last.pt"
    saved = load_checkpoint(path)
    model = restore_model(saved, path)
    if saved.optimiser:
        optimiser = torch.optim.AdamW(model.parameters())
        restore_optimiser(saved, path, optimiser, torch.amp.GradScaler("cpu", enabled=False))


def _backbone_seeds(folder: Path) -> None:
    (folder / "1").mkdir()
    torch.save(ResNet18(8).state_dict(), folder / "1" / "resnet.pt")


def _backbone(folder: Path, out: Path) -> None:
    load_backbone(ResNet18(8), folder / "resnet.pt")


def _log_seeds(folder: Path) -> None:
    (folder / "1").mkdir()
    (folder / "1" / "metrics.jsonl").write_text(STEPS)


def _log(folder: Path, out: Path) -> None:
    RunLog(folder, 2).close()


READERS = (
    Reader("checkpoint", _checkpoint_seeds, _load, share=2.0),
    Reader("encoder weights", _backbone_seeds, _backbone, share=0.5),
    Reader("metrics of a run", _log_seeds, _log, share=0.2),
)

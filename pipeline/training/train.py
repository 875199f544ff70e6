"""Training CMT: config and shards in; weights, checkpoints and metrics out.

On the CPU the same seed, config and data give the same weights, bit for bit, resumed or not, with any number of
workers. On a GPU, sums of gathered gradients may differ in the last bit between runs.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.training.checkpoint import Checkpoint, load_checkpoint, restore_model, save_checkpoint
from pipeline.training.config import FREE_ON_RESUME, TrainingConfig
from pipeline.training.data import ShardDataset, load_batches, steps_per_epoch, total_steps, training_keys
from pipeline.training.device import pick_device
from pipeline.training.evaluation.evaluate import predict
from pipeline.training.evaluation.metrics import Evaluation, evaluate_scores
from pipeline.training.index import SplitIndex, index_split
from pipeline.training.losses import Losses, training_losses
from pipeline.training.models.build import build_model

LAST = "checkpoint.pt"
BEST = "best.pt"
CONFIG = "config.yaml"
METRICS = "metrics.jsonl"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """What is trained on and what is validated on. With a limit both are the same few samples."""

    train: SplitIndex
    validation: SplitIndex


def train(dataset: Path, out: Path, config: TrainingConfig, resume: bool = False, limit: int | None = None) -> Path:
    """Train on a dataset folder and write ``out``; return the path of the last checkpoint.

    ``limit`` memorises that many samples, half of them normal: they are trained on without flips and crops,
    and validated on. ``resume`` continues the run in ``out``; without it ``out`` must not hold one.
    Raises PipelineError for what the user can put right, and where the loss is no longer finite.
    """
    if not resume and (out / LAST).exists():
        raise PipelineError(f"{out} already holds a training run; pass --resume to continue it, or another --out")
    if limit is not None:
        config = config.model_copy(update={"flip": False, "crop_share": 1.0})
    data = _load_data(dataset, limit)
    device = pick_device(config.device)
    state = _resume(out, config, limit) if resume else None
    model = restore_model(state, out / LAST) if state else build_model(config)
    model.to(device).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=config.betas)
    if state:
        optimiser.load_state_dict(state.optimiser)
    first, best_auc = (state.step, state.best_auc) if state else (0, None)
    _prepare(out, config, first)

    per_epoch = steps_per_epoch(len(data.train), config)
    last = total_steps(len(data.train), config)
    samples = ShardDataset(data.train, config, augmented=True)
    started = time.perf_counter()
    batches = load_batches(samples, training_keys(len(data.train), config, first), config.workers, device)
    for step, batch in enumerate(batches, start=first + 1):
        prediction = model(batch.inputs)
        losses = training_losses(prediction, batch, config)
        _require_finite(losses, step)
        optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        optimiser.step()

        epoch, into_epoch = divmod(step, per_epoch)
        if step % config.log_every == 0 or step == last:
            _log(out, step, epoch, {"loss": _floats(losses), "seconds": round(time.perf_counter() - started, 3)})
        validates = step == last or (into_epoch == 0 and epoch % config.validate_every == 0)
        improved = False
        if validates:
            evaluation = evaluate_scores(predict(model, data.validation, config, device))
            _log(out, step, epoch, {"validation": asdict(evaluation)})
            best_auc, improved = _better(evaluation, best_auc)
        if validates or step % config.checkpoint_every == 0:
            state = Checkpoint(model.state_dict(), optimiser.state_dict(), step, epoch, limit, best_auc, config)
            for name in (LAST, BEST) if improved else (LAST,):
                save_checkpoint(state, out / name)
    return out / LAST


def _load_data(dataset: Path, limit: int | None) -> Data:
    train_index = index_split(dataset, "train")
    if limit is None:
        return Data(train_index, index_split(dataset, "val"))
    few = train_index.balanced(limit)
    return Data(few, few)


def _resume(out: Path, config: TrainingConfig, limit: int | None) -> Checkpoint:
    """The run's last checkpoint, if config and limit are those it was trained with."""
    state = load_checkpoint(out / LAST)
    then, now = _flat(state.config.model_dump()), _flat(config.model_dump())
    changed = [
        f"{key} = {now[key]!r} (was {then[key]!r})"
        for key in now
        if key not in FREE_ON_RESUME and now[key] != then[key]
    ]
    if limit != state.limit:
        changed.append(f"--limit {limit} (was {state.limit})")
    if changed:
        raise PipelineError(
            f"cannot resume {out}: {'; '.join(changed)}; keep to {out / CONFIG}, or train into another --out"
        )
    return state


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their dotted names, as --set takes them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _prepare(out: Path, config: TrainingConfig, step: int) -> None:
    """Write the config, and drop metrics of steps after ``step``, which will be taken again."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic(out / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    path = out / METRICS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    with atomic(path) as temporary:
        kept = (line for line in lines if json.loads(line)["step"] <= step)
        temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _log(out: Path, step: int, epoch: int, values: dict[str, Any]) -> None:
    with (out / METRICS).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"step": step, "epoch": epoch, **values}) + "\n")
    logger.info("step %d, epoch %d: %s", step, epoch, json.dumps(values))


def _require_finite(losses: Losses, step: int) -> None:
    if not torch.isfinite(losses.total):
        raise PipelineError(
            f"the loss is not finite at step {step}: {_floats(losses)}; train with a lower learning_rate"
        )


def _better(evaluation: Evaluation, best_auc: float | None) -> tuple[float | None, bool]:
    """The best AUC so far, and whether this evaluation made it. One class alone has no AUC and improves nothing."""
    auc = evaluation.overall.auc
    improved = auc is not None and (best_auc is None or auc > best_auc)
    return (auc, True) if improved else (best_auc, False)


def _floats(losses: Losses) -> dict[str, float]:
    return {name: round(value.item(), 6) for name, value in losses._asdict().items()}

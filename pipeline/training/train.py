"""Training a model: config and shards in; weights, checkpoints and logs out.

On the CPU the same seed, config and data give the same weights, bit for bit, resumed or not, with any number of
workers. On a GPU, sums of gathered gradients may differ in the last bit between runs. Another number of processes or of
parts of a batch gives the same gradient but for rounding (``step.py``), where encoders have no batch statistics: those
are of what one process computes at a time. All processes hold the same model at every step.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import yaml

from pipeline.errors import PipelineError
from pipeline.files import atomic, lock
from pipeline.format.reader import NoShards
from pipeline.settings.flat import flatten
from pipeline.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pipeline.training.config import FREE_ON_RESUME, ContrastiveConfig, TrainingConfig
from pipeline.training.data import (
    Batch,
    Key,
    Sample,
    ShardDataset,
    load_batches,
    share,
    steps_per_epoch,
    total_steps,
    training_keys,
)
from pipeline.training.distributed import Group, process_group
from pipeline.training.evaluation.evaluate import predict
from pipeline.training.evaluation.metrics import Evaluation, evaluate_scores
from pipeline.training.evaluation.samples import sample_grid
from pipeline.training.index import SplitIndex, index_split
from pipeline.training.learner import Learner, new_learner
from pipeline.training.logs import RunLog
from pipeline.training.models.interface import Model
from pipeline.training.schedule import learning_rate
from pipeline.training.step import Step, learn

LAST = "checkpoint.pt"
BEST = "best.pt"
CONFIG = "config.yaml"

logger = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Data:
    """What is trained on and validated on, None without such a split. With a limit both are the same samples."""

    train: SplitIndex
    validation: SplitIndex | None


def train(
    dataset: Path,
    out: Path,
    config: TrainingConfig,
    resume: bool = False,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train on a dataset folder and write ``out``; return the path of the last checkpoint.

    ``limit`` memorises that many samples, half of them normal: they are trained on without flips and crops,
    and validated on. ``resume`` continues the run in ``out``; without it ``out`` must not hold one. ``progress`` is
    told the finished steps and all of them. Under torchrun every process calls this, and the first writes. One run at
    a time holds ``out``. Raises PipelineError for what the user can put right, and where the loss is no longer finite.
    """
    if limit is not None:
        config = config.model_copy(update={"flip": False, "crop_share": 1.0})
    data = _load_data(dataset, limit)
    with process_group(config.device) as group:
        if group.size > 1 and isinstance(config.model, ContrastiveConfig):
            raise PipelineError(
                f"{group.size} processes cannot train a contrastive model, which learns from the other shapes of its "
                "whole batch: train it with one process"
            )
        with _held(out, group):
            state = _resume(out, config, limit) if resume else None
            if state is None and any((out / name).exists() for name in (LAST, BEST)):
                raise PipelineError(
                    f"{out} already holds a training run; pass --resume to continue it, or another --out"
                )
            return _run(data, out, config, state, limit, group, progress)


@contextmanager
def _held(out: Path, group: Group) -> Iterator[None]:
    """Hold the run's folder, through the first process. Where it cannot, all raise the same PipelineError."""
    held, refusal = None, None
    if group.leads:
        try:
            out.mkdir(parents=True, exist_ok=True)
            held = lock(out)
        except PipelineError as error:
            refusal = str(error)
        except OSError as error:
            refusal = f"{out} cannot be written ({error.strerror}); choose another --out"
    (refusal, *_) = group.gather(refusal)
    if refusal is not None:
        raise PipelineError(refusal)
    try:
        yield
    finally:
        if held is not None:
            held.close()


def _run(
    data: Data,
    out: Path,
    config: TrainingConfig,
    state: Checkpoint | None,
    limit: int | None,
    group: Group,
    progress: Progress | None,
) -> Path:
    """Step after step: learn, then log, validate and keep what is due."""
    learner = new_learner(config, state, out / LAST, group)
    first, best_auc = (state.step, state.best_auc) if state else (0, None)
    log = _open_log(out, config, first) if group.leads else None
    if log and state and not (out / LAST).exists():  # killed before its first
        save_checkpoint(state, out / LAST)
    samples = ShardDataset(data.train, config, augmented=True, tolerant=True)
    per_epoch, last = steps_per_epoch(len(data.train), config), total_steps(len(data.train), config)
    known: set[str] = set()
    unread: list[tuple[int, Step]] = []
    started, seen = time.perf_counter(), 0
    for step, batch in enumerate(_steps(samples, config, first, group), start=first + 1):
        rate = learning_rate(config, step, config.epochs * per_epoch)
        with _memory_told(config, group):
            learned = learn(learner, _readable(batch, known), rate, config, group)
        seen += learned.samples
        unread.append((step, learned))
        epoch, into_epoch = divmod(step, per_epoch)
        improved, validates = False, step == last or (into_epoch == 0 and epoch % config.validate_every == 0)
        logs, saves = step % config.log_every == 0 or step == last, validates or step % config.checkpoint_every == 0
        if logs or saves:
            losses = _read(unread)
            if log and logs and learned.samples:
                seconds = round(time.perf_counter() - started, 3)
                log.add(step, epoch, loss=_rounded(losses), learning_rate=rate, samples=seen, seconds=seconds)
        if validates and data.validation is not None:
            evaluation = _validate(learner.judged, data.validation, config, group)
            best_auc, improved = _better(evaluation, best_auc)
            if log:
                log.add(step, epoch, validation=asdict(evaluation))
                if config.grid_every and (epoch // config.validate_every) % config.grid_every == 0:
                    log.picture(step, sample_grid(learner.judged, data.validation, config, group.device))
        if log and saves:
            saved = _checkpoint(learner, data.train, config, step, epoch, limit, best_auc)
            for name in (BEST, LAST) if improved else (LAST,):  # killed between them, --resume writes BEST again
                save_checkpoint(saved, out / name)
        if progress and group.leads:
            progress(step, last)
    if log:
        log.close()
    return out / LAST


def _steps(samples: ShardDataset, config: TrainingConfig, first: int, group: Group) -> Iterator[list[Batch]]:
    """This process's parts of every batch after step ``first``."""

    def plan() -> Iterator[list[list[Key]]]:
        keys = training_keys(samples.index.shape, config, first)
        return (share(batch, config, group.rank, group.size) for batch in keys)

    batches = load_batches(samples, (part for parts in plan() for part in parts), config.workers, group.device)
    for parts in plan():
        yield list(islice(batches, len(parts)))


def _validate(model: Model, index: SplitIndex, config: TrainingConfig, group: Group) -> Evaluation:
    """Metrics of the validation split, each process having scored its share, if there is one for it."""
    own = index.select(np.array_split(np.arange(len(index)), group.size)[group.rank])
    gathered = group.gather(predict(model, own, config, group.device) if len(own) else None)
    first, *others = [scores for scores in gathered if scores is not None]
    return evaluate_scores(first.joined(others))


def _checkpoint(
    learner: Learner,
    index: SplitIndex,
    config: TrainingConfig,
    step: int,
    epoch: int,
    limit: int | None,
    best_auc: float | None,
) -> Checkpoint:
    return Checkpoint(
        **learner.state(),
        step=step,
        epoch=epoch,
        limit=limit,
        best_auc=best_auc,
        size=index.size,
        reference_views=index.reference_views,
        config=config,
    )


def _load_data(dataset: Path, limit: int | None) -> Data:
    train_index = index_split(dataset, "train", tolerant=True)
    if limit is not None:
        few = train_index.balanced(limit)
        return Data(few, few)
    try:
        return Data(train_index, index_split(dataset, "val"))
    except NoShards as error:
        logger.warning("training without validation, so that there will be no %s: %s", BEST, error)
        return Data(train_index, None)


def _resume(out: Path, config: TrainingConfig, limit: int | None) -> Checkpoint:
    """The run's last checkpoint, if config and limit are those it was trained with.

    A run killed as it wrote its first has the best alone, which is the same.
    """
    alone = (out / BEST).exists() and not (out / LAST).exists()
    state = load_checkpoint(out / (BEST if alone else LAST))
    if not state.resumable:
        raise PipelineError(
            f"cannot resume {out}: no run of this release wrote its checkpoint, and others draw samples in "
            f"another order; train into another --out, with --set weights={out / LAST} to start from its weights"
        )
    then, now = flatten(state.config), flatten(config)
    free = FREE_ON_RESUME - {"epochs"} if config.schedule == "cosine" else FREE_ON_RESUME
    changed = [
        f"{key} = {now.get(key)!r} (was {then.get(key)!r})"
        for key in {**then, **now}
        if key not in free and now.get(key) != then.get(key)
    ]
    if limit != state.limit:
        changed.append(f"--limit {limit} (was {state.limit})")
    if changed:
        raise PipelineError(
            f"cannot resume {out}: {'; '.join(changed)}; keep to {out / CONFIG}, or train into another --out"
        )
    return state


def _open_log(out: Path, config: TrainingConfig, step: int) -> RunLog:
    with atomic(out / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return RunLog(out, step)


def _readable(batch: Sequence[Batch], known: set[str]) -> list[Sample]:
    """The parts of a batch as far as they could be read. Of each sample that could not, it is told once."""
    for reason in (reason for part in batch for reason in part.left_out if reason not in known):
        logger.warning("left out: %s", reason)
        known.add(reason)
    return [part.samples for part in batch if part.samples is not None]


@contextmanager
def _memory_told(config: TrainingConfig, group: Group) -> Iterator[None]:
    """Raises PipelineError, which tells what may fit, where a GPU's memory is too small for a step."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        own = -(-config.batch // group.size)
        at_once, parts = -(-own // config.accumulate), min(own, 2 * config.accumulate)
        if isinstance(config.model, ContrastiveConfig):
            way = f"batch={max(1, config.batch // 2)}"
        elif at_once > 1:
            way = f"accumulate={parts} ({-(-own // parts)} at once)"
        else:
            way = f"reference_views={max(2, config.reference_views // 2)}"
        raise PipelineError(
            f"{group.device} has too little memory for {at_once} samples at once, each with reference_views = "
            f"{config.reference_views} (batch = {config.batch}, accumulate = {config.accumulate}): try --set {way}, or "
            "--set precision=bf16"
        ) from error


def _read(unread: list[tuple[int, Step]]) -> dict[str, float]:
    """Wait for the losses of steps not read yet; those of the last. Raises PipelineError if any is not finite."""
    for step, learned in unread:
        losses = learned.by_name()
        if not math.isfinite(losses["total"]):
            raise PipelineError(
                f"the loss is not finite at step {step}: {_rounded(losses)}; train with a lower learning_rate"
            )
    unread.clear()
    return losses


def _better(evaluation: Evaluation, best_auc: float | None) -> tuple[float | None, bool]:
    """The best AUC so far, and whether this evaluation made it. One class alone has no AUC and improves nothing."""
    auc = evaluation.overall.auc
    improved = auc is not None and (best_auc is None or auc > best_auc)
    return (auc, True) if improved else (best_auc, False)


def _rounded(losses: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in losses.items()}

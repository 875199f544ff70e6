"""A kit to try the trainer on a machine with a GPU, which has PyTorch and may have neither Blender nor a network.

    python -m benchmarks.gpu pack DATASET --out kit        # anywhere: what training reads of it, in pieces
    python -m benchmarks.gpu run kit --out results         # on that machine

It needs PyTorch, NumPy, h5py, Pillow, pydantic, PyYAML, click and jaxtyping. ``run`` ends within ``--minutes``. It
checks that the GPU and the CPU agree on a step, tells where a step waits for the GPU, measures images a second and
memory of several models, and trains for as long as is left. ``results/gpu.json`` is written again after each part,
whatever ends it early.
"""

from __future__ import annotations

import json
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks import kit as kits
from pipeline.cli.errors import friendly
from pipeline.errors import PipelineError
from pipeline.extras import is_installed
from pipeline.files import write_json
from pipeline.training.config import TrainingConfig, load_training
from pipeline.training.data import Sample, ShardDataset, collate, training_keys
from pipeline.training.distributed import Group, process_group
from pipeline.training.evaluation.evaluate import evaluate_checkpoint
from pipeline.training.index import index_split
from pipeline.training.learner import new_learner
from pipeline.training.step import gradients, learn
from pipeline.training.train import BEST, LAST, train

MODELS = ("full", "published", "a")
WARM_UP, STEPS = 3, 8
#: Relative difference of losses and gradients between devices that rounding may make, in float32.
AGREEMENT = 1e-3
#: What sums of some thousand numbers lose in float32, in shares.
ROUNDING = 1e-6


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--piece-bytes", default=kits.PIECE_BYTES, show_default=True)
@click.option("--jobs", default=1, show_default=True)
@friendly
def pack(dataset: Path, out: Path, piece_bytes: int, jobs: int) -> None:
    """Reduce DATASET to what training reads, in files of at most --piece-bytes."""
    for piece in kits.pack(dataset, out, piece_bytes, jobs):
        click.echo(f"{piece.name}: {piece.stat().st_size / 1e6:.1f} MB")


@main.command()
@click.argument("kit", type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--jobs", default=1, show_default=True)
@friendly
def unpack(kit: Path, out: Path, jobs: int) -> None:
    """Make a dataset of KIT again, for l3d-train; ``run`` does it by itself."""
    _unpack(kit, out, jobs)


def _unpack(kit: Path, out: Path, jobs: int) -> Path:
    traced = is_installed("embreex")
    kits.unpack(kits.check(kit), out, traced, jobs)
    if not traced:
        click.echo("no embreex here: the views come without depth and part ids")
    return out


@main.command()
@click.argument("kit", type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--minutes", default=8.0, show_default=True)
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
@click.option("--batch", default=32, show_default=True)
@click.option("--config", default="training/cmt", show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Of the training in the end.")
@click.option("--model", "models", multiple=True, default=MODELS, show_default=True, help="Variant to measure.")
@click.option("--no-compile", is_flag=True)
@click.option("--jobs", default=1, show_default=True, help="To unpack.")
@friendly
def run(
    kit: Path,
    out: Path,
    minutes: float,
    device: str,
    batch: int,
    config: str,
    overrides: tuple[str, ...],
    models: tuple[str, ...],
    no_compile: bool,
    jobs: int,
) -> None:
    """Check, measure and train on KIT."""
    deadline = time.monotonic() + 60 * minutes
    data = _unpack(kit, out / "dataset", jobs)
    found: dict[str, Any] = {"machine": _machine(device), "speed": []}

    def keep(**more: Any) -> None:
        found.update(more)
        write_json(out / "gpu.json", found)

    settings = (f"batch={batch}", f"device={device}", *overrides)
    keep(agreement=agreement(data, load_training(config, None, settings)))
    keep(waits=waits(data, load_training(config, None, settings)))
    click.echo(f"agreement: {found['agreement']}\nwaits: {found['waits']}")
    for compiled, precision, name in product((False, True), ("float32", "bf16"), models):  # compiling takes minutes
        if (compiled and no_compile) or time.monotonic() > deadline - 60 * minutes / 2:
            continue
        chosen = (*settings, f"precision={precision}", f"compile={compiled}")
        row = {
            "model": name,
            "precision": precision,
            "compile": compiled,
            **speed(data, load_training(config, name, chosen)),
        }
        keep(speed=[*found["speed"], row])
        click.echo(json.dumps(row))
    keep(training=training(data, out / "run", load_training(config, None, settings), deadline))
    click.echo(json.dumps(found["training"], indent=1))


def _machine(device: str) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    return {"device": device, "name": name, "torch": torch.__version__, "python": platform.python_version()}


def agreement(data: Path, config: TrainingConfig) -> dict[str, Any]:
    """The same step in float32 on the device and on the CPU: relative differences of losses and of the gradient.

    A gradient has jumps, at each ReLU, maximum and choice of keys. ``rounding`` is how far the CPU's own moves when the
    weights change by ``ROUNDING``: devices agree where they are apart by no more than that.
    """
    small = config.model_copy(update={"batch": 4, "precision": "float32"})
    with _exact():
        cpu = _one_step(data, small.model_copy(update={"device": "cpu"}))
        rounded = _one_step(data, small.model_copy(update={"device": "cpu"}), ROUNDING)
        device = _one_step(data, small)
    difference = {name: abs(device[0][name] - value) / max(abs(value), 1e-6) for name, value in cpu[0].items()}
    apart, rounding = (float((cpu[1] - other[1]).norm() / cpu[1].norm()) for other in (device, rounded))
    agrees = max(difference.values()) <= AGREEMENT and apart <= max(AGREEMENT, rounding)
    return {"agrees": agrees, "losses": difference, "gradient": apart, "rounding": rounding, "allowed": AGREEMENT}


@contextmanager
def _exact() -> Iterator[None]:
    """Convolutions in float32 proper, where GPUs would take shorter numbers."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _one_step(data: Path, config: TrainingConfig, noise: float = 0.0) -> tuple[dict[str, float], torch.Tensor]:
    """Losses and gradient. noise: relative, of the weights."""
    with process_group(config.device) as group:
        learner = new_learner(config, None, data, group)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weights in learner.model.parameters() if noise else ():
                weights.mul_(1 + noise * torch.randn(weights.shape, generator=generator))
        learner.prepare(0.0)
        losses = gradients(learner, [_batch(data, config, group)], config, group).by_name()
        flat = [p.grad.flatten() for p in learner.model.parameters() if p.grad is not None]
        return losses, torch.cat(flat).double().cpu()


def _batch(data: Path, config: TrainingConfig, group: Group) -> Sample:
    """The first batch of training, on the group's device."""
    index = index_split(data, "train")
    dataset = ShardDataset(index, config, augmented=True)
    return collate([dataset.sample(key) for key in next(training_keys(index.shape, config, 0))]).to(group.device)


def speed(data: Path, config: TrainingConfig) -> dict[str, Any]:
    """Images a second of training steps on one batch that is there already, and their peak memory."""
    if config.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        with process_group(config.device) as group:
            learner, batch = new_learner(config, None, data, group), _batch(data, config, group)
            for _ in range(WARM_UP):
                learn(learner, [batch], config.learning_rate, config, group)
            start = _now(group)
            for _ in range(STEPS):
                learn(learner, [batch], config.learning_rate, config, group)
            seconds = _now(group) - start
    except (RuntimeError, PipelineError) as error:  # what one of them cannot do must not end the others
        return {"failed": str(error).strip().splitlines()[0][:300]}
    memory = torch.cuda.max_memory_allocated() / 1e9 if config.device == "cuda" else None
    return {"images_per_second": STEPS * config.batch / seconds, "peak_gb": memory}


def waits(data: Path, config: TrainingConfig) -> list[str]:
    """Lines of code at which a training step waits for the GPU, which it should nowhere; none on a CPU."""
    if config.device != "cuda":
        return []
    with process_group(config.device) as group:
        learner, batch = new_learner(config, None, data, group), _batch(data, config, group)
        learn(learner, [batch], config.learning_rate, config, group)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            learn(learner, [batch], config.learning_rate, config, group)
            torch.cuda.set_sync_debug_mode("default")
    told = [warning for warning in found if "called a synchronizing" in str(warning.message)]
    return sorted({f"{Path(warning.filename).name}:{warning.lineno}" for warning in told})


def _now(group: Group) -> float:
    if group.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class _TimeIsUp(Exception):
    """Ends a training that goes on for as long as there is time; its last checkpoint is what counts."""


def training(data: Path, out: Path, config: TrainingConfig, deadline: float) -> dict[str, Any]:
    """Train until the deadline, a part of which is kept to evaluate; what that gave."""
    reserve = 0.15 * (deadline - time.monotonic())

    def stop(step: int, steps: int) -> None:
        if time.monotonic() > deadline - reserve:
            raise _TimeIsUp

    start = time.monotonic()
    ended = _train(data, out, config, stop)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    curve = [line for line in lines if "validation" in line]
    result: dict[str, Any] = {"ended": ended, "seconds": time.monotonic() - start, "validations": len(curve)}
    samples = [line for line in lines if "samples" in line]
    if samples:
        result |= {
            "samples": samples[-1]["samples"],
            "images_per_second": samples[-1]["samples"] / samples[-1]["seconds"],
        }
    checkpoint = next((out / name for name in (BEST, LAST) if (out / name).exists()), None)
    if checkpoint is not None:
        judged = evaluate_checkpoint(checkpoint, data, "test", config.device, config.workers, resamples=200)
        result |= {"test": asdict(judged.evaluation.overall), "intervals": judged.intervals}
    return result


def _train(data: Path, out: Path, config: TrainingConfig, progress: Callable[[int, int], None]) -> str:
    try:
        train(data, out, config, progress=progress)
    except _TimeIsUp:
        return "time was up"
    return "all epochs done"


if __name__ == "__main__":
    main()

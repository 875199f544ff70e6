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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from pipeline.cli.errors import friendly
from pipeline.digests import file_digest
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.format.labels import SPLITS
from pipeline.format.reader import NoShards, Shard, find_shards
from pipeline.format.schema import MAY_BE_UNKNOWN, Gaps, ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.training.config import TrainingConfig, load_training
from pipeline.training.data import Sample, ShardDataset, collate, training_keys
from pipeline.training.distributed import Group, process_group
from pipeline.training.evaluation.evaluate import evaluate_checkpoint
from pipeline.training.index import index_split
from pipeline.training.learner import new_learner
from pipeline.training.step import gradients, learn
from pipeline.training.train import BEST, LAST, train

MANIFEST = "kit.json"
PIECE_BYTES = 60 * 10**6
#: Left out, since training does not read it: it is said to be unknown.
LEFT_OUT = Gaps(unknown=tuple(name for name in MAY_BE_UNKNOWN if name != "shapes/category"))
MODELS = ("full", "published", "a")
WARM_UP, STEPS = 3, 8
#: Relative difference of losses and gradients between devices that rounding may make, in float32.
AGREEMENT = 1e-3


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--piece-bytes", default=PIECE_BYTES, show_default=True)
@friendly
def pack(dataset: Path, out: Path, piece_bytes: int) -> None:
    """Reduce DATASET to what training reads, in files of at most --piece-bytes."""
    pieces = {}
    for split in SPLITS:
        try:
            paths = find_shards(dataset, split)
        except NoShards:
            continue
        for piece in _pieces(paths, split, out / "shards", piece_bytes):
            pieces[piece.name] = file_digest(piece)
            click.echo(f"{piece.name}: {piece.stat().st_size / 1e6:.1f} MB")
    write_json(out / MANIFEST, pieces)


def _pieces(paths: Sequence[Path], split: str, folder: Path, most: int) -> Iterator[Path]:
    """As few files as their order and size allow; a shape is never divided."""
    shapes = [(path, row) for path in paths for row in range(Shard(path).shape_count)]
    config, start, number, count = Shard(paths[0]).config_json, 0, 0, len(shapes)
    while start < len(shapes):
        path = folder / f"{split}-{number:05d}.h5"
        chosen = shapes[start : start + count]
        names = Shard(chosen[0][0]).type_names
        write_shard(path, split, config, "", (_reduced(*place) for place in chosen), 9, LEFT_OUT, names)
        size = path.stat().st_size
        if size > most and len(chosen) > 1:
            count = max(1, min(len(chosen) - 1, int(len(chosen) * most / size * 0.95)))
            continue
        yield path
        start, number = start + len(chosen), number + 1


def _reduced(path: Path, row: int) -> ShapeRecord:
    """A shape and its queries without what ``LEFT_OUT`` says."""
    with Shard(path) as shard:
        shape = shard.shape(row)
    queries = tuple(
        replace(query, part_ids=np.zeros_like(query.part_ids), depth=np.zeros_like(query.depth))
        for query in shape.queries
    )
    part_ids, depth = np.zeros_like(shape.part_ids), np.zeros_like(shape.depth)
    return replace(shape, part_ids=part_ids, depth=depth, queries=queries, mesh=None)


def check(kit: Path) -> None:
    """Raises PipelineError where a piece of the kit is missing, cut off, or not the one that was packed."""
    try:
        pieces = json.loads((kit / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise PipelineError(f"{kit} is no kit ({MANIFEST}: {error}); make one with `benchmarks.gpu pack`") from error
    for name, digest in pieces.items():
        path = kit / "shards" / name
        if not path.is_file():
            raise PipelineError(f"{path} is missing; copy the kit again")
        if file_digest(path) != digest:
            raise PipelineError(f"{path} is not whole; copy it again")


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
) -> None:
    """Check, measure and train on KIT."""
    deadline = time.monotonic() + 60 * minutes
    check(kit)
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"machine": _machine(device), "speed": []}

    def keep(**more: Any) -> None:
        found.update(more)
        write_json(out / "gpu.json", found)

    settings = (f"batch={batch}", f"device={device}", *overrides)
    keep(agreement=agreement(kit, load_training(config, None, settings)))
    keep(waits=waits(kit, load_training(config, None, settings)))
    click.echo(f"agreement: {found['agreement']}\nwaits: {found['waits']}")
    for name, precision, compiled in product(models, ("float32", "bf16"), (False, True)):
        if (compiled and no_compile) or time.monotonic() > deadline - 60 * minutes / 2:
            continue
        chosen = (*settings, f"precision={precision}", f"compile={compiled}")
        row = {
            "model": name,
            "precision": precision,
            "compile": compiled,
            **speed(kit, load_training(config, name, chosen)),
        }
        keep(speed=[*found["speed"], row])
        click.echo(json.dumps(row))
    keep(training=training(kit, out / "run", load_training(config, None, settings), deadline))
    click.echo(json.dumps(found["training"], indent=1))


def _machine(device: str) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    return {"device": device, "name": name, "torch": torch.__version__, "python": platform.python_version()}


def agreement(kit: Path, config: TrainingConfig) -> dict[str, Any]:
    """The same step in float32 on the device and on the CPU: relative differences of losses and of the gradient."""
    small = config.model_copy(update={"batch": 4, "precision": "float32"})
    with _exact():
        sides = [_one_step(kit, small.model_copy(update={"device": device})) for device in ("cpu", config.device)]
    (losses, gradient), (other, others) = sides
    difference = {name: abs(other[name] - value) / max(abs(value), 1e-6) for name, value in losses.items()}
    apart = float((gradient - others).norm() / gradient.norm())
    agrees = max(*difference.values(), apart) <= AGREEMENT
    return {"agrees": agrees, "losses": difference, "gradient": apart, "allowed": AGREEMENT}


@contextmanager
def _exact() -> Iterator[None]:
    """Convolutions in float32 proper, where GPUs would take shorter numbers."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _one_step(kit: Path, config: TrainingConfig) -> tuple[dict[str, float], torch.Tensor]:
    with process_group(config.device) as group:
        learner = new_learner(config, None, kit, group)
        learner.prepare(0.0)
        losses = gradients(learner, [_batch(kit, config, group)], config, group).by_name()
        flat = [p.grad.flatten() for p in learner.model.parameters() if p.grad is not None]
        return losses, torch.cat(flat).double().cpu()


def _batch(kit: Path, config: TrainingConfig, group: Group) -> Sample:
    """The first batch of training, on the group's device."""
    index = index_split(kit, "train")
    dataset = ShardDataset(index, config, augmented=True)
    return collate([dataset.sample(key) for key in next(training_keys(index.shape, config, 0))]).to(group.device)


def speed(kit: Path, config: TrainingConfig) -> dict[str, Any]:
    """Images a second of training steps on one batch that is there already, and their peak memory."""
    if config.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        with process_group(config.device) as group:
            learner, batch = new_learner(config, None, kit, group), _batch(kit, config, group)
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


def waits(kit: Path, config: TrainingConfig) -> list[str]:
    """Lines of code at which a training step waits for the GPU, which it should nowhere; none on a CPU."""
    if config.device != "cuda":
        return []
    with process_group(config.device) as group:
        learner, batch = new_learner(config, None, kit, group), _batch(kit, config, group)
        learn(learner, [batch], config.learning_rate, config, group)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            learn(learner, [batch], config.learning_rate, config, group)
            torch.cuda.set_sync_debug_mode("default")
    return sorted({f"{Path(warning.filename).name}:{warning.lineno}" for warning in found})


def _now(group: Group) -> float:
    if group.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class _TimeIsUp(Exception):
    """Ends a training that goes on for as long as there is time; its last checkpoint is what counts."""


def training(kit: Path, out: Path, config: TrainingConfig, deadline: float) -> dict[str, Any]:
    """Train until the deadline, a part of which is kept to evaluate; what that gave."""
    reserve = 0.15 * (deadline - time.monotonic())

    def stop(step: int, steps: int) -> None:
        if time.monotonic() > deadline - reserve:
            raise _TimeIsUp

    start = time.monotonic()
    ended = _train(kit, out, config, stop)
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
        judged = evaluate_checkpoint(checkpoint, kit, "test", config.device, config.workers, resamples=200)
        result |= {"test": asdict(judged.evaluation.overall), "intervals": judged.intervals}
    return result


def _train(kit: Path, out: Path, config: TrainingConfig, progress: Callable[[int, int], None]) -> str:
    try:
        train(kit, out, config, progress=progress)
    except _TimeIsUp:
        return "time was up"
    return "all epochs done"


if __name__ == "__main__":
    main()

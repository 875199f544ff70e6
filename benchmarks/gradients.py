"""Whether parts and processes change the gradient of a batch: every loss is on, with true correspondences and patches.

    python -m benchmarks.gradients DATASET [--config training/cpu-small]

One batch of eight samples with the same weights, whole, in parts, and in two processes. A row has the largest
difference of any gradient from the whole batch's, in shares of the largest gradient: with batch statistics frozen,
where nothing but rounding may differ, and as they are in training, of each part alone.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.table import write_rows
from pipeline.training.config import TrainingConfig, load_training
from pipeline.training.data import ShardDataset, load_batches, share, training_keys
from pipeline.training.distributed import Group, process_group
from pipeline.training.index import index_split
from pipeline.training.learner import new_learner
from pipeline.training.step import gradients

BATCH = 8
#: Name of a row: parts of each process's share, and processes.
CASES = {"1 part": (1, 1), "4 parts": (4, 1), "8 parts": (8, 1), "2 processes": (1, 2), "2 processes, 2 parts": (2, 2)}


class Gradient(NamedTuple):
    """Of all parameters in their order, and the losses that it lowers."""

    values: NDArray[np.float32]
    losses: dict[str, float]


def main(arguments: argparse.Namespace) -> None:
    """A table and its JSON."""
    config = load_training(arguments.config, "dense", [f"batch={BATCH}", "precision=float32", "device=cpu"])
    print(f"{'':24}{'frozen statistics':>20}{'statistics of parts':>22}")
    rows: dict[str, dict[str, float]] = {}
    whole = {frozen: gradient(arguments.dataset, config, 1, 1, frozen).values for frozen in (True, False)}
    for name, case in CASES.items():
        found = {frozen: gradient(arguments.dataset, config, *case, frozen).values for frozen in whole}
        frozen, training = (float(abs(found[key] - whole[key]).max() / abs(whole[key]).max()) for key in whole)
        rows[name] = {"frozen_statistics": frozen, "statistics_of_parts": training}
        print(f"{name:24}{frozen:20.1e}{training:22.1e}", flush=True)
    write_rows("gradients", rows)


def gradient(dataset: Path, config: TrainingConfig, parts: int, processes: int, frozen: bool) -> Gradient:
    """Of the first batch of a dataset's training; ``frozen``: normalised by the statistics that the encoder has."""
    config = config.model_copy(update={"accumulate": parts})
    return in_processes(processes, _gradient, dataset, config, frozen)[0]


def in_processes(count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """``work(group, *arguments)`` in fresh processes that are one group on the CPU, or in this one; results by rank."""
    if count == 1:
        return [work(Group(0, 1, torch.device("cpu")), *arguments)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        started = [pool.submit(_join, rank, count, port, work, arguments) for rank in range(count)]
        return [process.result() for process in started]


def _join(rank: int, count: int, port: int, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    torch.set_num_threads(1)
    os.environ.update(WORLD_SIZE=str(count), RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with process_group("cpu") as group:
        return work(group, *arguments)


def _gradient(group: Group, dataset: Path, config: TrainingConfig, frozen: bool) -> Gradient:
    samples = ShardDataset(index_split(dataset, "train"), config, augmented=True)
    keys = share(next(training_keys(samples.index.shape, config, 0)), config, group.rank, group.size)
    parts = [batch.samples for batch in load_batches(samples, keys, 0, group.device) if batch.samples is not None]
    learner = new_learner(config, None, dataset, group)
    for module in learner.model.modules():
        if frozen and isinstance(module, nn.BatchNorm2d):
            module.eval()
    learner.prepare(config.learning_rate)
    step = gradients(learner, parts, config, group)
    found = [parameter.grad for parameter in learner.model.parameters() if parameter.grad is not None]
    return Gradient(torch.cat([each.flatten() for each in found]).numpy(), step.by_name())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--config", default="training/cpu-small")
    main(parser.parse_args())

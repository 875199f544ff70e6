"""How fast samples come out of shards: the reader must not be what a GPU waits for.

    python -m benchmarks.loading DATASET [--views 10] [--samples 400]

Samples a second of the training loader (augmentation, correspondences and collation included), by number of worker
processes; and, where the training process loads itself, its CPU time a sample, which other load on the machine hardly
changes. Cold: every shape is read from its shard, as in a dataset of thousands, where few come again while they are
kept. Warm: all are in memory already.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.table import write_rows
from pipeline.training.config import TrainingConfig
from pipeline.training.data import ShardDataset, load_batches, steps_per_epoch, training_keys
from pipeline.training.index import SplitIndex, index_split

CASES = {
    "cold": {"cache_shapes": 0},
    "warm": {"cache_shapes": 1000},
    "cold, exact correspondences": {"cache_shapes": 0, "query_labels": "exact"},
}
WORKERS = (0, 1, 2)


def main(arguments: argparse.Namespace) -> None:
    """A table and its JSON."""
    torch.set_num_threads(1)
    index = index_split(arguments.dataset, "train")
    index = index.select(np.arange(min(arguments.samples, len(index))))
    print(f"{len(index)} samples, {index.size[0]} pixels, {arguments.views} of {index.reference_views} views")
    print(f"{'':30}{'workers':>8}{'samples/s':>11}{'CPU ms a sample':>17}")
    rows: dict[str, dict[str, Any]] = {}
    for name, settings in CASES.items():
        for workers in WORKERS:
            config = TrainingConfig.model_validate(
                {"reference_views": arguments.views, "workers": workers, "epochs": 2, **settings}
            )
            wall, cpu = _seconds(index, config)
            cost = 1e3 * cpu / len(index) if workers == 0 else None
            rows[f"{name}, {workers} workers"] = {"samples_per_second": len(index) / wall, "cpu_ms": cost}
            told = "" if cost is None else f"{cost:.2f}"
            print(f"{name:30}{workers:8}{len(index) / wall:11.0f}{told:>17}", flush=True)
    write_rows("loading", rows)


def _seconds(index: SplitIndex, config: TrainingConfig) -> tuple[float, float]:
    """Wall and CPU seconds of this process for the second epoch; the first starts workers and fills their memory."""
    keys = training_keys(index.shape, config, 0)
    loader = load_batches(ShardDataset(index, config, augmented=True), keys, config.workers, torch.device("cpu"))
    deque(islice(loader, steps_per_epoch(len(index), config)), maxlen=0)
    wall, cpu = time.perf_counter(), time.process_time()
    deque(loader, maxlen=0)
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--views", type=int, default=10)
    parser.add_argument("--samples", type=int, default=400)
    main(parser.parse_args())

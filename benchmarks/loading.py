"""How fast samples come out of shards: the reader must not be what a GPU waits for.

    python -m benchmarks.loading DATASET [--views 10] [--samples 400]

Samples a second of the training loader (augmentation, correspondences and collation included), by number of worker
processes and with and without the cache of shapes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.table import write_rows
from pipeline.training.config import TrainingConfig
from pipeline.training.data import Key, ShardDataset, load_batches, training_keys
from pipeline.training.index import index_split

CASES = {
    "no worker": {"workers": 0},
    "1 worker": {"workers": 1},
    "2 workers": {"workers": 2},
    "1 worker, no cache": {"workers": 1, "cache_shapes": 0},
    "1 worker, exact correspondences": {"workers": 1, "query_labels": "exact"},
}


def main(arguments: argparse.Namespace) -> None:
    """A table and its JSON."""
    index = index_split(arguments.dataset, "train")
    print(f"{len(index)} samples, {index.size[0]} pixels, {arguments.views} of {index.views} views")
    print(f"{'':34}{'samples/s':>11}{'a worker':>10}")
    rows: dict[str, dict[str, Any]] = {}
    for name, settings in CASES.items():
        config = TrainingConfig.model_validate({"views": arguments.views, "batch": 8, **settings})
        keys: list[list[Key]] = []
        while sum(map(len, keys)) < arguments.samples:
            keys += list(training_keys(len(index), config, len(keys)))[: arguments.samples // config.batch]
        loader = load_batches(ShardDataset(index, config, augmented=True), keys, config.workers, torch.device("cpu"))
        next(loader)  # the workers' start
        started = time.perf_counter()
        count = sum(len(batch.samples.label) for batch in loader if batch.samples is not None)
        rate = count / (time.perf_counter() - started)
        rows[name] = {"samples_per_second": rate, "per_worker": rate / max(1, config.workers)}
        print(f"{name:34}{rate:11.0f}{rows[name]['per_worker']:10.0f}", flush=True)
    write_rows("loading", rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--views", type=int, default=10)
    parser.add_argument("--samples", type=int, default=400)
    main(parser.parse_args())

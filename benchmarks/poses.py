"""How well the cameras of a dataset's queries are found by silhouettes.

    python -m benchmarks.poses DATASET [--split test] [--size 128] [--queries 8]

Rows: what the silhouettes are (the dataset's true masks, those that the rule of white backgrounds cuts out) and what of
the cameras is not known. Columns: degrees between the true direction and the best that was found, seconds a photograph.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks.table import write_rows
from pipeline.format.cameras import Camera
from pipeline.format.labels import SPLITS
from pipeline.format.reader import Shard, find_shards
from pipeline.format.schema import QueryRecord
from pipeline.format.silhouette import object_estimate
from pipeline.geometry.raycast import RayScene
from pipeline.geometry.soup import soup_of
from pipeline.pose.pose import ALL, Parameter
from pipeline.pose.reference import SearchedReference, searched
from pipeline.pose.searching import DIRECTION
from pipeline.pose.silhouette import shrunk
from pipeline.training.evaluation.comparison import angle

MASKS: dict[str, Callable[[QueryRecord], Bool[np.ndarray, "size size"]]] = {
    "true masks": lambda query: query.object_mask > 127,
    "white rule": lambda query: object_estimate(query.image) > 0,
}
UNKNOWN: dict[str, tuple[Parameter, ...]] = {"direction": DIRECTION, "everything": ALL}


def main(arguments: argparse.Namespace) -> None:
    """A table and its JSON."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {row: [] for row in product(MASKS, UNKNOWN)}
    for reference, query in _queries(arguments.dataset, arguments.split, arguments.queries):
        for masks, unknown in found:
            mask = MASKS[masks](query)
            if arguments.size:
                mask = shrunk(mask, arguments.size) >= 0.5
            start = time.perf_counter()
            fits = reference.poses(mask, UNKNOWN[unknown])
            spent = time.perf_counter() - start
            true = Camera.stored(query.K, query.world_to_camera, len(query.image))
            error = angle(fits[0].pose.camera(len(mask)), true) if fits else 180.0
            found[masks, unknown].append((error, spent))
    rows = {f"{masks}, {unknown}": _row(np.array(values)) for (masks, unknown), values in found.items()}
    print(f"{'':28}{'images':>8}{'median':>8}{'95 %':>8}{'<= 1':>8}{'<= 5':>8}{'seconds':>9}")
    for name, row in rows.items():
        shares = f"{row['within_1']:8.1%}{row['within_5']:8.1%}"
        print(f"{name:28}{row['images']:8.0f}{row['median']:8.2f}{row['p95']:8.2f}{shares}{row['seconds']:9.2f}")
    write_rows("poses", rows)


def _queries(dataset: Path, split: str, count: int) -> Iterator[tuple[SearchedReference, QueryRecord]]:
    """Evenly over each shape's queries."""
    for path in find_shards(dataset, split):
        with Shard(path) as shard:
            for row in range(shard.shape_count):
                shape = shard.intact(row)
                reference = searched(shape, RayScene(soup_of(shard.mesh(row))))
                rows = shard.query_rows(row)
                for place in np.unique(np.linspace(0, len(rows) - 1, count).astype(np.int64)):
                    yield reference, shard.query(rows[place])


def _row(values: np.ndarray) -> dict[str, float]:
    errors, seconds = values.T
    return {
        "images": float(len(errors)),
        "median": float(np.median(errors)),
        "p95": float(np.quantile(errors, 0.95)),
        "within_1": float((errors <= 1.0).mean()),
        "within_5": float((errors <= 5.0).mean()),
        "seconds": float(np.median(seconds)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--size", type=int, default=0, help="pixels that masks are made smaller to; 0: as they are")
    parser.add_argument("--queries", type=int, default=8, help="of each shape")
    main(parser.parse_args())

"""Which samples a split holds: read once, before training, from the small columns of its shards."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format.labels import NORMAL
from pipeline.format.part_groups import part_group
from pipeline.format.reader import NoShards, Shard, find_shards
from pipeline.training.models.encoder import SIZE_MULTIPLE

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SplitIndex:
    """One entry a sample, in stored order.

    files: the shards; file, row, shape_row: which file, its row of ``queries/`` and of ``shapes/``;
    shape: a number of its shape; label: 1 for anomalous; part: str, the part group of the anomaly, '' for normal;
    anomaly_type: place of its anomaly type in ``type_names``, normal first;
    size: (height, width) of every image; reference_views: of each shape; unknown: columns (``group/name``) that the
    source of a file did not tell, with such a file.
    """

    files: tuple[Path, ...]
    file: Int64[np.ndarray, " sample"]
    row: Int64[np.ndarray, " sample"]
    shape_row: Int64[np.ndarray, " sample"]
    shape: Int64[np.ndarray, " sample"]
    label: Int64[np.ndarray, " sample"]
    part: Shaped[np.ndarray, " sample"]
    anomaly_type: Int64[np.ndarray, " sample"]
    type_names: tuple[str, ...]
    size: tuple[int, int]
    reference_views: int
    unknown: Mapping[str, Path]

    def __len__(self) -> int:
        return len(self.label)

    def select(self, rows: Int64[np.ndarray, " drawn"]) -> SplitIndex:
        """The samples of ``rows``, in that order."""
        columns = ("file", "row", "shape_row", "shape", "label", "part", "anomaly_type")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def balanced(self, count: int) -> SplitIndex:
        """The first ``count`` // 2 normal and as many anomalous samples, in stored order."""
        half = count // 2
        groups = [np.flatnonzero(self.label == value)[:half] for value in (0, 1)]
        if half == 0 or any(len(group) < half for group in groups):
            raise PipelineError(
                f"a limit of {count} needs {half} normal and {half} anomalous samples (at least one each); "
                f"the split has {(self.label == 0).sum()} and {(self.label == 1).sum()}"
            )
        return self.select(np.sort(np.concatenate(groups)))


def index_split(dataset: Path, split: str, tolerant: bool = False) -> SplitIndex:
    """Index one split of a dataset folder (or of its ``shards/``).

    ``tolerant``: a shard that cannot be opened is warned of and left out, if others can. Raises PipelineError where
    the split is missing or empty, a shard cannot be read, shards disagree in image size or number of views, or
    images do not suit the encoder.
    """
    paths = find_shards(dataset, split)
    files = tuple(_readable(paths) if tolerant else paths)
    columns: list[tuple[NDArray[Any], ...]] = []
    shapes, unknown = 0, dict[str, Path]()
    layouts: dict[tuple[int, int, int], Path] = {}
    places = {NORMAL: 0}  # of type names, whatever order each file has them in
    for number, path in enumerate(files):
        with Shard(path) as shard:
            label = shard.column("queries", "label").astype(np.int64)
            shape_row = shard.column("queries", "shape_index").astype(np.int64)
            numbers = [places.setdefault(name, len(places)) for name in shard.type_names]
            anomaly_type = np.array(numbers)[shard.column("queries", "anomaly_type")]
            labels = shard.column("queries", "part_label")
            part = np.array([part_group(label) if label else "" for label in labels], dtype=np.str_)
            unknown |= dict.fromkeys(shard.gaps.unknown, path)
            views, height, width = (int(n) for n in shard.file["shapes/image"].shape[1:])
        own = (np.full(len(label), number), np.arange(len(label)), shape_row, shapes + shape_row)
        columns.append((*own, label, part, anomaly_type))
        shapes += int(shape_row.max(initial=-1)) + 1
        layouts[views, height, width] = path
    if len(layouts) > 1:
        found = "; ".join(f"{v} views of {h}x{w} in {path}" for (v, h, w), path in layouts.items())
        raise PipelineError(f"shards of one split must agree in views and image size: {found}")
    file, row, shape_row, shape, label, part, anomaly_type = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    if len(label) == 0:
        raise NoShards(f"the {split} shards in {files[0].parent} hold no query images")
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
        raise PipelineError(
            f"{files[0]}: images are {height}x{width}; the encoder needs multiples of {SIZE_MULTIPLE} pixels"
        )
    return SplitIndex(
        files,
        file,
        row,
        shape_row,
        shape,
        label,
        part,
        anomaly_type,
        tuple(places),
        size=(height, width),
        reference_views=views,
        unknown=unknown,
    )


def _readable(files: list[Path]) -> list[Path]:
    """Those that open, the others warned of; all of them where none does, for the error that follows."""
    kept = []
    for path in files:
        try:
            with Shard(path) as shard:
                shard.column("queries", "label")
            kept.append(path)
        except PipelineError as error:
            logger.warning("left out: %s", error)
    return kept or files

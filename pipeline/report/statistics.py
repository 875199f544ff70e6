"""Counting what a dataset holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.format.labels import NORMAL
from pipeline.format.part_groups import PAPER_IMAGES, part_group
from pipeline.format.reader import Shard
from pipeline.report.notes import QUANTILES
from pipeline.report.paper import Counts, count_table, kinds


@dataclass(frozen=True)
class Spread:
    """Minimum, quartiles and maximum; empty where there is nothing to measure."""

    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class SplitCounts:
    shapes: int
    images: int
    anomalous: int


@dataclass(frozen=True)
class Statistics:
    """What :func:`statistics` counts. Keys are in a fixed order.

    table: Table 1 by column (``paper.count_table``). parts: paper group -> anomaly type
    -> anomalies; part_labels: label path -> anomalies. azimuths: whole degrees -> images. mask_share,
    box_share: area over the image's area, by anomaly type, of the region that the box bounds.
    """

    table: Mapping[str, Counts]
    splits: Mapping[str, SplitCounts]
    parts: Mapping[str, Mapping[str, int]]
    part_labels: Mapping[str, int]
    categories: Mapping[str, int]
    lights: Mapping[int, int]
    azimuths: Mapping[int, int]
    mask_share: Mapping[str, Spread]
    box_share: Mapping[str, Spread]


@dataclass(frozen=True)
class _Query:
    """The numbers of one image; type is ``several`` for more than one anomaly."""

    split: str
    shape_id: str
    type: str
    azimuth: int
    light: int


@dataclass(frozen=True)
class _Anomaly:
    """The numbers of one anomaly in one image."""

    type: str
    part_label: str
    mask_share: float
    box_share: float


def statistics(shards: Sequence[Path]) -> Statistics:
    """Count all queries, anomalies and shapes of ``shards``, reading one mask an anomaly and no images."""
    queries: list[_Query] = []
    anomalies: list[_Anomaly] = []
    shapes: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for path in shards:
        with Shard(path) as shard:
            queries += _queries(shard)
            anomalies += _anomalies(shard)
            shapes[shard.split] += shard.shape_count
            categories.update(shard.column("shapes", "category").tolist())
    types = kinds({anomaly.type for anomaly in anomalies})
    parts = Counter((part_group(anomaly.part_label), anomaly.type) for anomaly in anomalies)
    return Statistics(
        table=count_table(Counter((query.shape_id, query.type) for query in queries)),
        splits={s: _split_counts(queries, s, shapes[s]) for s in shapes},
        parts={
            group: {kind: parts[group, kind] for kind in types}
            # The paper's groups, and whatever other categories bring.
            for group in dict.fromkeys((*PAPER_IMAGES, *sorted({group for group, _ in parts})))
        },
        part_labels=dict(sorted(Counter(a.part_label for a in anomalies).items())),
        categories=dict(sorted(categories.items())),
        lights=dict(sorted(Counter(query.light for query in queries).items())),
        azimuths=dict(sorted(Counter(query.azimuth for query in queries).items())),
        mask_share={t: _spread([a.mask_share for a in anomalies if a.type == t]) for t in types},
        box_share={t: _spread([a.box_share for a in anomalies if a.type == t]) for t in types},
    )


def _queries(shard: Shard) -> Iterable[_Query]:
    ids = shard.column("shapes", "id")
    names = ("shape_index", "anomaly_type", "azimuth", "light")
    for shape_index, kind, azimuth, light in zip(*(shard.column("queries", n) for n in names), strict=True):
        whole_degrees = round(float(azimuth)) % 360
        yield _Query(shard.split, ids[shape_index], shard.type_names[kind], whole_degrees, int(light))


def _anomalies(shard: Shard) -> Iterable[_Anomaly]:
    names = ("anomaly_type", "part_label", "bbox")
    columns = zip(*(shard.column("anomalies", name) for name in names), strict=True)
    for row, (kind, part_label, bbox) in enumerate(columns):
        name = shard.type_names[kind]
        region = shard.row("anomalies", "mask_old" if name == "missing" else "mask_new", row)
        box_share = float(bbox[2] * bbox[3]) / region.size
        yield _Anomaly(name, part_label, np.count_nonzero(region) / region.size, box_share)


def _split_counts(queries: Sequence[_Query], split: str, shapes: int) -> SplitCounts:
    types = [query.type for query in queries if query.split == split]
    return SplitCounts(shapes, len(types), sum(kind != NORMAL for kind in types))


def _spread(values: Sequence[float]) -> Spread:
    return Spread(tuple(np.quantile(values, QUANTILES).tolist()) if values else ())

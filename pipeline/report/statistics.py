"""Counting what a dataset holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.anomalies.anomaly import LABELS, NORMAL
from pipeline.anomalies.groups import PAPER_IMAGES, part_group
from pipeline.report.paper import Counts, count_table, kinds
from pipeline.shards.reader import Shard

#: Positions in a :class:`Spread`.
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


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
    -> images; part_labels: label path -> images. azimuths: whole degrees -> images. mask_share,
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
class _Row:
    """The numbers of one query."""

    split: str
    shape_id: str
    type: str
    part_label: str
    azimuth: int
    light: int
    mask_share: float
    box_share: float


def statistics(shards: Sequence[Path]) -> Statistics:
    """Count all queries and shapes of ``shards``, reading two masks a row and no images."""
    rows: list[_Row] = []
    shapes: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for path in shards:
        with Shard(path) as shard:
            rows += _rows(shard)
            shapes[shard.split] += shard.shape_count
            categories.update(shard.column("shapes", "category").tolist())
    types = kinds({row.type for row in rows})
    anomalous = [row for row in rows if row.type != NORMAL]
    return Statistics(
        table=count_table(Counter((row.shape_id, row.type) for row in rows)),
        splits={s: _split_counts(rows, s, shapes[s]) for s in shapes},
        parts={
            group: _counts(types, (r.type for r in anomalous if part_group(r.part_label) == group))
            # The paper's groups, and whatever other categories bring.
            for group in dict.fromkeys((*PAPER_IMAGES, *sorted({part_group(r.part_label) for r in anomalous})))
        },
        part_labels=dict(sorted(Counter(r.part_label for r in anomalous).items())),
        categories=dict(sorted(categories.items())),
        lights=dict(sorted(Counter(r.light for r in rows).items())),
        azimuths=dict(sorted(Counter(r.azimuth for r in rows).items())),
        mask_share={t: _spread([r.mask_share for r in anomalous if r.type == t]) for t in types},
        box_share={t: _spread([r.box_share for r in anomalous if r.type == t]) for t in types},
    )


def _rows(shard: Shard) -> Iterable[_Row]:
    ids = shard.column("shapes", "id")
    names = ("shape_index", "anomaly_type", "part_label", "azimuth", "light", "bbox")
    columns = zip(*(shard.column("queries", name) for name in names), strict=True)
    for row, (shape_index, anomaly_type, part_label, azimuth, light, bbox) in enumerate(columns):
        region = shard.row("queries", "mask_old" if LABELS[anomaly_type] == "missing" else "mask_new", row)
        yield _Row(
            shard.split,
            ids[shape_index],
            LABELS[anomaly_type],
            part_label,
            round(float(azimuth)) % 360,
            int(light),
            np.count_nonzero(region) / region.size,
            float(bbox[2] * bbox[3]) / region.size,
        )


def _split_counts(rows: Sequence[_Row], split: str, shapes: int) -> SplitCounts:
    types = [row.type for row in rows if row.split == split]
    return SplitCounts(shapes, len(types), sum(kind != NORMAL for kind in types))


def _counts(keys: Iterable[str], values: Iterable[str]) -> dict[str, int]:
    """How often each key occurs, in the order of the keys and 0 where it does not."""
    found = Counter(values)
    return {key: found[key] for key in keys}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(tuple(np.quantile(values, QUANTILES).tolist()) if values else ())

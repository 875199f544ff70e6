"""The published dataset's numbers (Looking 3D, CVPR 2024, Table 1 and the authors' part statistics)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.format.labels import LABELS, NORMAL, PAPER_TYPES

ALL_ANOMALIES = "all anomalies"


@dataclass(frozen=True)
class Counts:
    """One column of Table 1. images_per_shape: minimum, maximum and median number of images of a shape that has any.

    In ``all anomalies`` a shape counts once for every type it has, as in the paper.
    """

    shapes: int
    images: int
    images_per_shape: tuple[int, int, float]


PAPER_TABLE: Mapping[str, Counts] = {
    "positional": Counts(5_646, 20_023, (1, 7, 4)),
    "rotational": Counts(5_551, 20_017, (1, 7, 4)),
    "broken": Counts(6_113, 20_008, (1, 5, 4)),
    "swapped": Counts(6_427, 20_010, (1, 7, 4)),
    "missing": Counts(5_182, 20_023, (1, 8, 4)),
    ALL_ANOMALIES: Counts(28_919, 100_076, (1, 8, 4)),
    NORMAL: Counts(8_143, 77_994, (1, 12, 8)),
}

#: Images of each split, to the nearest thousand.
PAPER_SPLITS: Mapping[str, int] = {"train": 138_000, "val": 13_000, "test": 26_000}


def kinds(present: Collection[str]) -> tuple[str, ...]:
    """The paper's anomaly types, then what else there is of ``LABELS`` (without normal), then names that it lacks."""
    further = (*(name for name in LABELS if name in present), *sorted(set(present) - set(LABELS) - {ALL_ANOMALIES}))
    return tuple(dict.fromkeys((*PAPER_TYPES, *(name for name in further if name != NORMAL))))


def count_table(images: Mapping[tuple[str, str], int]) -> dict[str, Counts]:
    """Table 1 of any dataset or plan: (shape, anomaly type or normal) -> number of images.

    Columns are the paper's, and further types before ``all anomalies`` where there are any.
    """
    anomalous = kinds({kind for _, kind in images})
    table = {}
    for column in (*anomalous, ALL_ANOMALIES, NORMAL):
        own = anomalous if column == ALL_ANOMALIES else (column,)
        counts = [count for (_, kind), count in images.items() if kind in own and count]
        spread = (min(counts), max(counts), float(np.median(counts))) if counts else (0, 0, 0.0)
        table[column] = Counts(len(counts), sum(counts), spread)
    return table

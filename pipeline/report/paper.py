"""The published dataset's numbers (Looking 3D, CVPR 2024, Table 1 and the authors' part statistics)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.anomalies.anomaly import ANOMALY_TYPES

ALL_ANOMALIES = "all anomalies"
NORMAL = "normal"
#: The columns of Table 1.
COLUMNS = (*ANOMALY_TYPES, ALL_ANOMALIES, NORMAL)


@dataclass(frozen=True)
class Counts:
    """One column of Table 1. views: minimum, maximum and median number of images of a shape that has any.

    In ``all anomalies`` a shape counts once for every type it has, as in the paper.
    """

    shapes: int
    images: int
    views: tuple[int, int, float]


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

"""Counts of a dataset whose counts are known."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.format.labels import NORMAL, PAPER_TYPES
from pipeline.format.part_groups import PAPER_IMAGES
from pipeline.format.reader import find_shards
from pipeline.report.paper import ALL_ANOMALIES, PAPER_TABLE, Counts
from pipeline.report.statistics import SplitCounts, Statistics, statistics
from pipeline.report.text import table_rows, table_text
from tests.sample_shards import make_shape, write_dataset


@pytest.fixture(scope="module")
def stats(counted_dataset: Path) -> Statistics:
    return statistics(find_shards(counted_dataset))


def test_table_1_counts_shapes_images_and_views(stats: Statistics) -> None:
    assert stats.table == {
        "positional": Counts(3, 7, (1, 4, 2)),
        "rotational": Counts(0, 0, (0, 0, 0)),
        "broken": Counts(1, 1, (1, 1, 1)),
        "swapped": Counts(0, 0, (0, 0, 0)),
        "missing": Counts(1, 1, (1, 1, 1)),
        ALL_ANOMALIES: Counts(5, 9, (1, 4, 1)),
        NORMAL: Counts(3, 5, (1, 3, 1)),
    }


def test_splits_parts_lights_and_azimuths_are_counted(stats: Statistics) -> None:
    assert stats.splits == {"train": SplitCounts(3, 13, 9), "test": SplitCounts(1, 1, 0)}
    assert list(stats.parts) == list(PAPER_IMAGES)
    assert stats.parts["Leg"] == {"positional": 7, "rotational": 0, "broken": 1, "swapped": 0, "missing": 1}
    assert not any(any(kinds.values()) for group, kinds in stats.parts.items() if group != "Leg")
    assert stats.part_labels == {"chair/chair_base/regular_leg_base/leg": 9}
    assert stats.categories == {"Chair": 4}
    assert stats.lights == {3: 14}
    assert stats.azimuths == {0: 6, 18: 3, 36: 1, 324: 1, 342: 3}


def test_sizes_are_those_of_the_stored_masks_and_boxes(stats: Statistics, counted_dataset: Path) -> None:
    with h5py.File(counted_dataset / "shards" / "train-00000.h5") as file:
        rows = {kind: file["queries/anomaly_type"][:] == PAPER_TYPES.index(kind) + 1 for kind in PAPER_TYPES}
        new = (file["queries/mask_new"][:] > 0).mean(axis=(1, 2))
        old = (file["queries/mask_old"][:] > 0).mean(axis=(1, 2))
        box = file["queries/bbox"][:, 2:].prod(axis=1) / 64**2
    assert stats.mask_share["positional"].quantiles == pytest.approx(
        np.quantile(new[rows["positional"]], [0, 0.25, 0.5, 0.75, 1])
    )
    assert stats.mask_share["missing"].quantiles == pytest.approx(np.repeat(old[rows["missing"]], 5))
    assert stats.box_share["broken"].quantiles == pytest.approx(np.repeat(box[rows["broken"]], 5))
    assert stats.mask_share["swapped"].quantiles == ()


def test_an_even_number_of_shapes_has_the_mean_of_the_middle_two_as_median(tmp_path: Path) -> None:
    shapes = [make_shape(str(i), [("normal", 18 * k) for k in range(count)]) for i, count in enumerate((1, 2, 5, 6))]
    table = statistics(find_shards(write_dataset(tmp_path, {"train": shapes}))).table
    assert table[NORMAL] == Counts(4, 14, (1, 6, 3.5))


def test_the_papers_numbers_add_up() -> None:
    for field in ("shapes", "images"):
        total = sum(getattr(PAPER_TABLE[kind], field) for kind in PAPER_TYPES)
        published = getattr(PAPER_TABLE[ALL_ANOMALIES], field)
        assert total in (published, published + 5), field  # the paper's own images miss their sum by 5


def test_the_text_shows_ours_above_the_papers(stats: Statistics) -> None:
    lines = [line.split() for line in table_text(stats).splitlines()]
    assert ["images", "this", "dataset", "7", "0", "1", "0", "1", "9", "5"] in lines
    assert ["paper", "20,023", "20,017", "20,008", "20,010", "20,023", "100,076", "77,994"] in lines
    assert ["test", "1", "1", "0"] in lines
    assert table_rows(PAPER_TABLE, PAPER_TABLE)[2] == (
        "images per shape",
        ["1,7,4", "1,7,4", "1,5,4", "1,7,4", "1,8,4", "1,8,4", "1,12,8"],
    )

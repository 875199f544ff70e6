"""One small dataset with known counts, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sample_shards import make_shape, write_dataset

#: What each shape shows: (type, azimuth) of its queries.
TRAIN = {
    "1": [("normal", 0), ("normal", 18), ("normal", 342), ("positional", 0), ("missing", 0)],
    "2": [("normal", 0), ("positional", 0), ("positional", 18), ("positional", 324), ("positional", 342)],
    "3": [("positional", 18), ("positional", 342), ("broken", 0)],
}
TEST = {"4": [("normal", 36)]}


@pytest.fixture(scope="session")
def counted_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    train, test = ([make_shape(i, queries, 64) for i, queries in shapes.items()] for shapes in (TRAIN, TEST))
    return write_dataset(tmp_path_factory.mktemp("dataset"), {"train": train, "test": test})

"""One small record and a dataset of it, as fixtures for those rooms' tests that import them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.format.labels import LABELS
from pipeline.format.schema import ShapeRecord
from tests.sample_shards import make_shape, write_dataset


@pytest.fixture(scope="session")
def shape() -> ShapeRecord:
    """Shape 7 with a normal query and one of every other label, all at azimuth 20."""
    return make_shape("7", [(kind, 20) for kind in LABELS])


@pytest.fixture
def dataset(tmp_path: Path, shape: ShapeRecord) -> Path:
    """A fresh dataset folder: shape 7 in train, shape 8 in test."""
    return write_dataset(tmp_path / "out", {"train": [shape], "test": [make_shape("8", [("normal", 0)])]})

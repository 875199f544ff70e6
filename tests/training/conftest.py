"""One thread for every test (bitwise comparisons, shared machines) and one small dataset for all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.synthetic import write_dataset

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shapes a split, four queries each; not to be changed by a test."""
    return write_dataset(tmp_path_factory.mktemp("dataset"))

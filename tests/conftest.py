"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real PartNet chairs and textures; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("L3D_SHARED_DATA", default))
    if not (path / "partnet").is_dir():
        pytest.skip(f"no real shapes at {path}; set L3D_SHARED_DATA to a folder with partnet/ and textures/")
    return path

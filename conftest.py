"""For all tests: what doctests find imported, and a check of the shapes in signatures where beartype is installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy
import pytest
import torch
from jaxtyping import install_import_hook

#: Modules whose arrays are checked in tests, types and shapes, at every call; in training itself they never are.
CHECKED = [
    "pipeline.format.boxes",
    "pipeline.format.cameras",
    "pipeline.geometry",
    "pipeline.training.augment",
    "pipeline.training.boxes",
    "pipeline.training.data",
    "pipeline.training.evaluation",
    "pipeline.training.index",
    "pipeline.training.losses",
    "pipeline.training.models",
    "pipeline.training.prediction",
    "pipeline.training.references",
    "pipeline.training.step",
    "pipeline.training.truth",
    "pipeline.views.cameras",
    "pipeline.views.visibility",
]

if find_spec("beartype") is not None:
    from beartype import BeartypeConf, beartype

    check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as for mypy
    install_import_hook(CHECKED, f"{__name__}.check")


@pytest.fixture(autouse=True)
def _namespace(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update({"np": numpy, "torch": torch})

"""Shapes in signatures: tests run with them checked (``conftest.py``), in words that the documentation has."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from pipeline.format.cameras import centre_of
from pipeline.training.boxes import iou

ROOT = Path(__file__).parents[1]
checked = pytest.mark.skipif(find_spec("beartype") is None, reason="shapes are checked where beartype is installed")


@checked
def test_arrays_of_another_shape_than_the_signatures_are_refused() -> None:
    assert iou(torch.ones(2, 4), torch.ones(2, 4)).shape == (2,)
    for a, b in (((2, 4), (3, 4)), ((2, 3), (2, 3))):
        with pytest.raises(jaxtyping.TypeCheckError, match=r"pipeline\.training\.boxes\.iou"):
            iou(torch.ones(a), torch.ones(b))


@checked
def test_arrays_of_another_type_than_the_signatures_are_refused() -> None:
    assert centre_of(np.eye(4)).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(jaxtyping.TypeCheckError, match=r"pipeline\.format\.cameras\.centre_of"):
        centre_of(np.eye(4, dtype=np.int64))


def test_axes_have_the_names_of_the_table() -> None:
    documented, used = (ROOT / "docs" / "conventions.md").read_text().split("| axis |")[1].split("\n\n")[0], set()
    for path in (ROOT / "pipeline").rglob("*.py"):
        for axes in re.findall(r'\[(?:Tensor|np\.ndarray), "([^"]*)"', path.read_text()):
            used |= set(re.findall(r"[a-z]\w*", re.sub(r"\{.*?\}", "", axes)))
    table = {
        name
        for row in documented.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert used == table

"""That tests run with the shapes in signatures checked (``conftest.py``)."""

from __future__ import annotations

import jaxtyping
import numpy as np
import pytest
import torch

from pipeline.format.cameras import centre_of
from pipeline.training.boxes import iou

pytest.importorskip("beartype", reason="shapes are checked where beartype is installed")


def test_arrays_of_another_shape_than_the_signatures_are_refused() -> None:
    assert iou(torch.ones(2, 4), torch.ones(2, 4)).shape == (2,)
    for a, b in (((2, 4), (3, 4)), ((2, 3), (2, 3))):
        with pytest.raises(jaxtyping.TypeCheckError, match=r"pipeline\.training\.boxes\.iou"):
            iou(torch.ones(a), torch.ones(b))


def test_arrays_of_another_type_than_the_signatures_are_refused() -> None:
    assert centre_of(np.eye(4)).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(jaxtyping.TypeCheckError, match=r"pipeline\.format\.cameras\.centre_of"):
        centre_of(np.eye(4, dtype=np.int64))

"""Reference views of a shape alone are those that it would have in a dataset."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from pipeline.rendering.blender import draw
from pipeline.rendering.job import write_job
from pipeline.rendering.reference import render_reference_views
from pipeline.views.reference import make_reference_views
from tests.rendering.test_blender import RENDER, VIEWS, make_job
from tests.scenes import two_cubes


def test_views_are_the_same_with_and_without_queries(tmp_path: Path) -> None:
    reference, images = render_reference_views(two_cubes(), VIEWS, RENDER, threads=2, seed=4)
    beside_queries = draw(write_job(tmp_path, make_job(tmp_path), VIEWS, RENDER, threads=1), 300)
    np.testing.assert_array_equal(images, beside_queries.reference)
    assert images.shape == (3, 128, 128)
    expected = make_reference_views(two_cubes(), VIEWS, 4)
    for field in fields(expected):
        np.testing.assert_array_equal(getattr(reference, field.name), getattr(expected, field.name))

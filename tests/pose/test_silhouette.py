"""Distances to outlines, against discs."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.format.cameras import pixel_centres
from pipeline.pose.bank import GRID, framed, normalised
from pipeline.pose.silhouette import outline, rim

MIDDLE = np.array([30.3, 28.9])


def disc(radius: float, middle: np.ndarray = MIDDLE, size: int = 64) -> np.ndarray:
    return np.linalg.norm(pixel_centres(size, size) - middle, axis=-1) < radius


@pytest.mark.parametrize("radius", [8.0, 15.4, 22.0])
def test_the_distance_to_a_discs_outline_and_its_direction(radius: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    outward = np.column_stack([np.cos(angle), np.sin(angle)])
    found = outline(disc(radius))
    for away in (-4.0, 0.0, 3.0):
        distance, gradient = found.at(MIDDLE + (radius + away) * outward)
        np.testing.assert_allclose(distance, away, atol=0.6)
        np.testing.assert_allclose(distance.mean(), away, atol=0.35)
        assert (gradient * outward).sum(-1).min() > 0.8


def test_a_rim_is_one_pixel_wide_and_lies_within() -> None:
    mask = disc(15.0)
    rows, columns = rim(mask).T
    assert mask[rows, columns].all()
    away = np.linalg.norm(np.column_stack([columns, rows]) + 0.5 - MIDDLE, axis=-1)
    assert away.min() > 13.5 and away.max() < 15.0
    inner = mask.copy()
    inner[rows, columns] = False
    assert (np.linalg.norm(pixel_centres(64, 64)[inner] - MIDDLE, axis=-1) < 14.6).all()


def test_where_the_image_ends_the_object_does_not() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[:, :3] = True
    assert rim(mask)[:, 1].tolist() == [2] * 6


def test_cut_to_their_boxes_masks_do_not_depend_on_size_and_place() -> None:
    large, small = disc(25.0, np.array([32.0, 32.0])), disc(12.5, np.array([20.0, 40.0]))
    assert np.abs(normalised(large) - normalised(small)).mean() < 0.08
    assert np.abs(framed(large) - framed(small)).mean() > 0.3
    assert abs(normalised(large).sum() / GRID**2 - np.pi / 4) < 0.02
    assert not normalised(np.zeros((8, 8), dtype=bool)).any()

"""Equirectangular images as lights, against integrals over the sphere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from blender_scripts.radiance import level_radiance, mean_radiance


def environment(
    radiance: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """(60, 120, 3) of ``radiance`` of elevation and azimuth."""
    elevation = np.pi / 2 - (np.arange(60) + 0.5) / 60 * np.pi
    azimuth = (np.arange(120) + 0.5) / 120 * 2 * np.pi
    grey = radiance(*np.meshgrid(elevation, azimuth, indexing="ij"))
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("radiance", "mean", "level"),
    [
        (lambda e, a: np.full_like(e, 0.6), 0.6, 0.6),
        (lambda e, a: (e > 0) * 1.0, 0.5, 1.0),  # white above, black below
        (lambda e, a: (e < 0) * 1.0, 0.5, 0.0),
        (lambda e, a: (a < np.pi) * 1.0, 0.5, 0.5),  # white on one side
        (lambda e, a: np.maximum(np.sin(e), 0), 0.25, 2 / 3),
        (lambda e, a: (e > np.pi / 3) * 1.0, (1 - np.sqrt(3) / 2) / 2, 0.25),  # a cap of 30 degrees around the zenith
    ],
)
def test_means_are_those_of_the_integrals(
    radiance: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]], mean: float, level: float
) -> None:
    image = environment(radiance)
    assert mean_radiance(image) == pytest.approx(mean, abs=1e-3)
    np.testing.assert_allclose(level_radiance(image), level, atol=1e-3)


def test_level_light_has_the_colour_of_the_sky() -> None:
    image = np.zeros((8, 16, 3), dtype=np.float32)
    image[:4] = (0.2, 0.4, 0.9)
    np.testing.assert_allclose(level_radiance(image), (0.2, 0.4, 0.9), rtol=1e-6)
    assert mean_radiance(image) == pytest.approx(0.25)


def test_a_sun_of_one_pixel_counts_with_its_solid_angle() -> None:
    image = np.zeros((180, 360, 3))
    image[45, 7] = 1e4  # elevation 44.5 degrees
    solid_angle = np.deg2rad(1) ** 2 * np.cos(np.deg2rad(44.5))
    assert mean_radiance(image) == pytest.approx(1e4 * solid_angle / (4 * np.pi), rel=1e-3)
    np.testing.assert_allclose(level_radiance(image), 1e4 * solid_angle * np.sin(np.deg2rad(44.5)) / np.pi, rtol=1e-3)

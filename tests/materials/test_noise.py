"""Noise against its definition: statistics, bands, brute-force distances, period."""

from __future__ import annotations

import numpy as np

from materials.noise import Canvas, fractal, smoothstep, worley
from pipeline.seeding import rng


def _canvas(size: int = 256, name: str = "test") -> Canvas:
    return Canvas(size, rng(0, name))


def test_fractal_noise_has_mean_zero_and_variance_one() -> None:
    fields = [fractal(_canvas(name=str(i)), low=4, falloff=0.5) for i in range(8)]
    assert abs(np.mean(fields)) < 1e-9
    assert abs(np.var(fields) - 1.0) < 0.05


def test_fractal_noise_stays_inside_its_band() -> None:
    power = np.abs(np.fft.fft2(fractal(_canvas(), low=5, high=20))) ** 2
    k = np.fft.fftfreq(256, 1 / 256)
    radius = np.hypot(k[None, :], k[:, None])
    assert power[(radius < 5) | (radius >= 20)].sum() < 1e-9 * power.sum()


def test_larger_map_holds_the_smaller_one_at_every_second_pixel() -> None:
    small, large = (fractal(_canvas(size)) for size in (256, 512))
    np.testing.assert_allclose(large[::2, ::2], small, atol=1e-9)


def test_stretched_noise_varies_less_along_the_stretch() -> None:
    field = fractal(_canvas(), low=8, stretch=(1, 8))
    across, along = np.diff(field, axis=1).std(), np.diff(field, axis=0).std()
    assert across > 4 * along


def test_worley_distances_equal_brute_force_over_all_periodic_images() -> None:
    cells, queries = 3, np.random.default_rng(1).uniform(0, 1, (2, 40))
    found = worley(rng(0, "cells"), queries[0], queries[1], cells)
    points = (np.stack(np.meshgrid(np.arange(3), np.arange(3)), -1).reshape(-1, 2)) / 3
    points = points + rng(0, "cells").uniform(0, 1, (9, 2)) / 3
    gap = np.abs(queries.T[:, None, :] - points[None])
    distance = np.sort(np.linalg.norm(np.minimum(gap, 1 - gap), axis=-1), axis=1) * cells
    np.testing.assert_allclose(np.stack([found.nearest, found.second], -1), distance[:, :2], atol=1e-12)


def test_worley_repeats_outside_the_tile() -> None:
    u, v = np.random.default_rng(2).uniform(0, 1, (2, 50))
    inside, outside = worley(rng(0, "x"), u, v, 4), worley(rng(0, "x"), u - 1, v + 2, 4)
    np.testing.assert_allclose(inside.nearest, outside.nearest, atol=1e-12)
    np.testing.assert_array_equal(inside.index, outside.index)


def test_smoothstep_runs_either_way() -> None:
    np.testing.assert_allclose(smoothstep(0.0, 1.0, np.array([-1.0, 0.5, 2.0])), [0, 0.5, 1])
    np.testing.assert_allclose(smoothstep(1.0, 0.0, np.array([-1.0, 0.5, 2.0])), [1, 0.5, 0])

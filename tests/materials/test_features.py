"""Distances between looks: zero for the same, in the stated units for colour, roughness and pattern."""

from __future__ import annotations

import numpy as np
import pytest

from materials.features import features
from materials.maps import Maps


def maps(grey: np.ndarray, roughness: int = 128) -> Maps:
    size = len(grey)
    flat = np.full((size, size), 128, dtype=np.uint8)
    normal = np.stack([flat, flat, np.full_like(flat, 255)], axis=-1)
    zero = np.zeros((size, size))
    color = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    return Maps(color, (zero + roughness).astype(np.uint8), zero.astype(np.uint8), normal, zero.astype(np.uint16), 0.0)


def distance(first: Maps, second: Maps, tile: float = 0.5, other_tile: float = 0.5) -> float:
    return float(np.linalg.norm(features(first, tile) - features(second, other_tile)))


def stripes(cycles: int, across: bool = True) -> np.ndarray:
    wave = 128 + 40 * np.sin(2 * np.pi * cycles * (np.arange(128) + 0.5) / 128)
    rows = np.tile(wave, (128, 1))
    return rows if across else rows.T


PLAIN = np.full((128, 128), 119)  # L* 50


def test_ten_of_lightness_and_a_fifth_of_roughness_are_a_clear_difference() -> None:
    assert distance(maps(PLAIN), maps(PLAIN)) == 0
    assert distance(maps(PLAIN), maps(np.full((128, 128), 94))) == pytest.approx(1.0, abs=0.03)  # L* 40
    assert distance(maps(PLAIN), maps(PLAIN, 128 + 51)) == pytest.approx(1.0, abs=0.01)


def test_stripes_differ_from_none_from_finer_ones_and_from_those_across() -> None:
    coarse = maps(stripes(4))
    assert distance(coarse, maps(PLAIN)) > 1
    assert distance(coarse, maps(stripes(10))) > 1
    assert distance(coarse, maps(stripes(4, across=False))) > 1


def test_scale_is_the_real_one() -> None:
    # Twice the cycles on twice the tile are the same stripes.
    assert distance(maps(stripes(4)), maps(stripes(8)), 0.4, 0.8) == pytest.approx(0, abs=0.05)
    assert distance(maps(stripes(4)), maps(stripes(4)), 0.2, 0.8) > 1


def test_where_the_pattern_begins_makes_no_difference() -> None:
    assert distance(maps(stripes(4)), maps(np.roll(stripes(4), 13, axis=1))) == pytest.approx(0, abs=1e-6)

"""Yarns: their colour order, and how they change along their length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from materials.noise import Canvas
from materials.recipes.fabric.cloth import along, uneven
from materials.recipes.fabric.pile import velvet
from materials.recipes.fabric.woven import woven
from materials.recipes.weaving import profile
from pipeline.seeding import rng


def _canvas() -> Canvas:
    return Canvas(256, rng(0, "cloth"))


def test_stripes_are_as_wide_as_the_sett_says() -> None:
    cloth = woven(
        _canvas(), draft="plain", threads=32, warp=("#ff0000", "#0000ff"), sett=(3, 1), weft=("#000000",), irregular=0.0
    )
    red, blue = cloth.color[..., 0] > 0.02, cloth.color[..., 2] > 0.02
    assert red[:, :190].any() and not blue[:, :190].any()
    assert blue[:, 194:].any() and not red[:, 194:].any()


def test_weft_is_coloured_as_the_warp_unless_told() -> None:
    settings: dict[str, Any] = {"draft": "twill", "threads": 32, "warp": ("#ff0000", "#0000ff"), "repeats": 2}
    same = woven(_canvas(), **settings, weft=("#ff0000", "#0000ff"))
    np.testing.assert_array_equal(woven(_canvas(), **settings).color, same.color)


def test_yarn_is_interpolated_and_closed_around_the_tile() -> None:
    yarns = np.array([[0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0]])
    which = np.array([[0, 0, 0, 1]])
    place = np.array([[0.0, 0.125, 0.875, 0.3]])
    np.testing.assert_allclose(along(yarns, which, place), [[0.0, 0.5, 1.5, 5.0]])


def test_uneven_yarn_has_unit_variance_and_long_parts() -> None:
    noise = uneven(rng(0, "yarn"), 400, 64)
    assert noise.var() == pytest.approx(1.0, abs=0.03)
    assert np.mean(noise[:, 0] * noise[:, 3]) == pytest.approx(0.5, abs=0.12)  # within four segments
    assert np.mean(noise[:, 0] * noise[:, 4]) == pytest.approx(0.0, abs=0.12)  # beyond them


def test_profile_is_half_a_circle() -> None:
    np.testing.assert_allclose(profile(np.array([-0.5, 0.0, 0.3, 0.5])), [0.0, 1.0, 0.8, 0.0])


def test_crushed_velvet_varies_more_than_plain() -> None:
    plain = velvet(_canvas(), color="#888888", brushed=0.2).color
    crushed = velvet(_canvas(), color="#888888", brushed=0.2, crushed=0.8).color
    assert crushed.std() > 2 * plain.std()

"""Normals against analytic height fields; encoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from materials.color import linear, to_linear, to_srgb
from materials.maps import SVBRDF, encode, normals, slopes, texels


def _surface(height: np.ndarray, color: float = 0.2) -> SVBRDF:
    flat = np.zeros_like(height)
    return SVBRDF(np.full((*height.shape, 3), color), flat + 0.5, height, flat)


def test_flat_height_gives_the_neutral_normal() -> None:
    maps = encode(texels(_surface(np.full((16, 16), 0.3))))
    assert (maps.normal == (128, 128, 255)).all()


@pytest.mark.parametrize(("cycles_u", "cycles_v"), [(1, 0), (0, 2), (3, 1)])
def test_sinusoid_height_gives_its_analytic_normals(cycles_u: int, cycles_v: int) -> None:
    size, amplitude = 512, 0.01
    u = np.arange(size)[None, :] / size
    v = -np.arange(size)[:, None] / size
    phase = 2 * np.pi * (cycles_u * u + cycles_v * v)
    slope = 2 * np.pi * amplitude * np.cos(phase)
    expected = np.stack([-cycles_u * slope, -cycles_v * slope, np.ones_like(slope)], axis=-1)
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(normals(slopes(amplitude * np.sin(phase))), expected, atol=1e-4)


def test_a_slope_that_rises_to_the_right_turns_red_down_and_one_that_rises_upward_turns_green_down() -> None:
    ramp = np.concatenate([np.linspace(0, 0.1, 32), np.linspace(0.1, 0, 32)])
    to_the_right = encode(texels(_surface(np.tile(ramp, (64, 1))))).normal[32, 16]
    upward = encode(texels(_surface(np.tile(ramp[::-1, None], (1, 64))))).normal[48, 32]
    assert to_the_right[0] < 110 and to_the_right[1] == 128
    assert upward[1] < 110 and upward[0] == 128


def test_extreme_reflectances_are_brought_into_the_range_of_real_surfaces() -> None:
    dark, bright = (to_linear(encode(texels(_surface(np.zeros((2, 2)), c))).base_color) for c in (0.0, 1.0))
    np.testing.assert_allclose([dark.max(), bright.max()], [0.02, 0.85], atol=0.004)


def test_reduced_surface_holds_block_means() -> None:
    height = np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(texels(_surface(height)).reduced(2).height, [[2.5, 4.5], [10.5, 12.5]])


def test_waves_too_fine_for_the_smaller_map_leave_it_flat_and_rougher() -> None:
    size, amplitude, cycles = 256, 0.001, 32
    wave = amplitude * np.sin(2 * np.pi * cycles * np.arange(size) / size)
    small = texels(_surface(np.tile(wave, (size, 1)))).reduced(16)  # two waves a pixel
    np.testing.assert_allclose(small.slope, 0, atol=1e-9)
    # alpha^2 = roughness^4 + the variance of the slopes, (2 pi k A)^2 / 2; the differences reach 0.974 of it.
    expected = (0.5**4 + 0.974**2 * (2 * np.pi * cycles * amplitude) ** 2 / 2) ** 0.25
    np.testing.assert_allclose(small.roughness, expected, rtol=0.01)


def test_height_fills_its_sixteen_bits_and_says_how_high_it_is() -> None:
    maps = encode(texels(_surface(np.array([[0.01, 0.02], [0.04, 0.05]]))))
    np.testing.assert_array_equal(maps.height, [[0, 16384], [49151, 65535]])
    assert maps.relief == pytest.approx(0.04)


@given(st.integers(0, 255))
def test_srgb_bytes_survive_the_way_through_linear(value: int) -> None:
    assert to_srgb(to_linear(np.array([value], dtype=np.uint8)))[0] == value


def test_mid_grey_hex_has_the_standard_linear_value() -> None:
    np.testing.assert_allclose(linear("#808080"), 0.21586, atol=1e-5)


def test_turned_tile_has_the_slopes_of_its_turned_height() -> None:
    size = 64
    u, v = np.meshgrid(np.arange(size) / size, -np.arange(size) / size)
    height = 0.02 * np.sin(2 * np.pi * (2 * u + v)) + 0.01 * np.cos(2 * np.pi * 3 * v)
    turned = texels(_surface(height)).turned()
    np.testing.assert_array_equal(turned.height, np.rot90(height))
    np.testing.assert_allclose(turned.slope, slopes(np.rot90(height)), atol=1e-12)

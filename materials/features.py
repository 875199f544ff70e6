"""How alike two materials look: a point for each in a space where 1 is a clear difference side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from materials.color import to_lab, to_linear
from materials.maps import Maps

#: Borders of the bands of spatial frequency, in cycles a metre. A photograph of 256 pixels shows a chair's
#: surface up to about 100: what is finer counts half.
BANDS = (0.0, 12.0, 35.0, 105.0, 1e9)
BAND_WEIGHTS = (1.0, 1.0, 1.0, 0.5)
#: What counts as a clear difference: of CIE L*a*b*, of roughness and metalness, of the mean slope.
COLOUR, ROUGHNESS, METALLIC, SLOPE = 10.0, 0.2, 0.5, 0.3
#: No two materials of a class of the built-in catalogue are closer than this.
MIN_DISTANCE = 0.6


def features(maps: Maps, tile: float) -> NDArray[np.float64]:
    """(19,) of a material whose maps cover ``tile`` metres; distances are Euclidean.

    Mean colour (3) and contrast of chroma (2); contrast of lightness by band of spatial frequency and by whether
    it runs across u or v (8); mean and spread of roughness (2), mean metalness (1), slopes along u and v (2), and
    spread of lightness within a tile (1).
    """
    lab = to_lab(to_linear(maps.base_color))
    roughness, metallic = maps.roughness / 255, maps.metallic / 255
    normal = maps.normal / 255 * 2 - 1
    slope = normal[..., :2] / np.maximum(normal[..., 2:], 0.05)
    parts = [
        lab.mean(axis=(0, 1)) / COLOUR,
        lab[..., 1:].std(axis=(0, 1)) / COLOUR,
        _contrast(lab[..., 0], tile) / COLOUR,
        np.array([roughness.mean(), roughness.std()]) / ROUGHNESS,
        np.array([metallic.mean()]) / METALLIC,
        np.sqrt((slope**2).mean(axis=(0, 1))) / SLOPE,
        np.array([lab[..., 0].std()]) / COLOUR,
    ]
    return np.concatenate(parts)


def _contrast(lightness: NDArray[np.float64], tile: float) -> NDArray[np.float64]:
    """(8,) standard deviation of ``lightness`` in each band, of waves along u, then of those along v."""
    size = len(lightness)
    power = np.abs(np.fft.fft2(lightness) / size**2) ** 2
    cycles = np.fft.fftfreq(size, d=1 / size)
    along_v, along_u = np.meshgrid(cycles, cycles, indexing="ij")
    frequency = np.hypot(along_u, along_v) / tile
    band = np.digitize(frequency, BANDS[1:-1])
    power[0, 0] = 0.0
    across = np.abs(along_u) >= np.abs(along_v)
    values = [
        weight * np.sqrt(power[(band == number) & side].sum())
        for side in (across, ~across)
        for number, weight in enumerate(BAND_WEIGHTS)
    ]
    return np.array(values)

"""Colours: written as sRGB hex in the catalogue, mixed as linear RGB, stored as sRGB bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from materials.parameters import Hex

FloatMap = NDArray[np.float64]
ByteMap = NDArray[np.uint8]
#: CIE L*a*b*.
Lab = tuple[float, float, float]

#: Luminance weights of linear sRGB primaries (ITU-R BT.709).
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: Linear sRGB to CIE XYZ (IEC 61966-2-1).
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], LUMINANCE, [0.0193, 0.1192, 0.9505]])


def linear(color: Hex) -> FloatMap:
    """(3,) linear RGB in [0, 1] of an sRGB hex colour (IEC 61966-2-1)."""
    return to_linear(np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8))


def to_linear(srgb: ByteMap) -> FloatMap:
    """Linear values in [0, 1] of sRGB bytes, elementwise."""
    value = srgb / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def to_srgb(linear_values: FloatMap) -> ByteMap:
    """sRGB bytes of linear values, elementwise; values outside [0, 1] are clipped."""
    value = np.clip(linear_values, 0.0, 1.0)
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def to_lab(linear_rgb: FloatMap) -> FloatMap:
    """(..., 3) CIE L*a*b* of linear sRGB, for its white (D65); distances in it are CIE 1976 colour differences."""
    x, y, z = np.moveaxis(linear_rgb @ (_TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)).T, -1, 0)
    x, y, z = (np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116) for t in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def mean_lab(srgb: ByteMap) -> Lab:
    """CIE L*a*b* of the mean light of (n, n, 3) sRGB bytes, to four digits."""
    lightness, a, b = (round(float(value), 4) for value in to_lab(to_linear(srgb).mean(axis=(0, 1))))
    return lightness, a, b


def mix(first: FloatMap, second: FloatMap, share: FloatMap) -> FloatMap:
    """(n, n, 3): ``first`` where ``share`` (n, n) is 0, ``second`` where it is 1; colours (3,) or (n, n, 3)."""
    return first + (second - first) * share[..., None]

"""What the fabric recipes share: the look of fibres, and yarn that changes along its length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from materials.color import FloatMap, linear
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal
from materials.parameters import Hex


def cloth(
    canvas: Canvas, color: FloatMap, shading: FloatMap, fuzz: FloatMap, height: FloatMap, roughness: float = 0.88
) -> SVBRDF:
    """Diffuse cloth: ``shading`` (occlusion between threads) and ``fuzz`` (unit noise of fibres) on the colour."""
    wear = fractal(canvas, low=1, high=8, falloff=1.0)
    tone = shading * (1.0 + 0.06 * fuzz + 0.035 * wear)
    return SVBRDF(color * tone[..., None], np.clip(roughness + 0.03 * fuzz, 0.3, 1.0), height, canvas.constant(0.0))


def plain(canvas: Canvas, color: Hex) -> FloatMap:
    """(n, n, 3) of one colour."""
    return np.broadcast_to(linear(color), (canvas.size, canvas.size, 3))


def along(yarns: FloatMap, yarn: NDArray[np.int64], position: FloatMap) -> FloatMap:
    """(n, n, ...) values of ``yarns`` (count, segments, ...) at ``position`` in [0, 1) along each, interpolated."""
    segments = yarns.shape[1]
    place = position * segments
    first = np.floor(place).astype(int)
    share = (place - first).reshape(*place.shape, *(1,) * (yarns.ndim - 2))
    return yarns[yarn, first % segments] * (1.0 - share) + yarns[yarn, (first + 1) % segments] * share


def uneven(draw: np.random.Generator, yarns: int, segments: int) -> FloatMap:
    """(yarns, segments) noise of mean 0 and variance 1, half of it four segments long; segments in fours."""
    fine, coarse = draw.standard_normal((yarns, segments)), draw.standard_normal((yarns, segments // 4))
    return (fine + np.repeat(coarse, 4, axis=1)) / np.sqrt(2)

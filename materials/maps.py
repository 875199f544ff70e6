"""From a surface in floating point to the 8-bit maps that a renderer reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from materials.color import ByteMap, FloatMap, to_srgb
from pipeline.errors import PipelineError

#: Reflectances that real surfaces have (linear): nothing in a room is blacker or whiter.
REFLECTANCE = (0.02, 0.85)
#: A mirror-smooth map would show every facet of a mesh.
MIN_ROUGHNESS = 0.06


@dataclass(frozen=True)
class SVBRDF:
    """One tile as a recipe draws it; row 0 is the top, so v grows against the rows.

    color: (n, n, 3) linear RGB; roughness, metallic: (n, n) in [0, 1];
    height: (n, n) in tile edges, so that its gradient over UV is the true slope.
    """

    color: FloatMap
    roughness: FloatMap
    height: FloatMap
    metallic: FloatMap


@dataclass(frozen=True)
class Texels:
    """One tile with its slopes, which can be averaged: ``slope`` (n, n, 2) is dh/du and dh/dv of its height."""

    color: FloatMap
    roughness: FloatMap
    metallic: FloatMap
    height: FloatMap
    slope: FloatMap

    def reduced(self, factor: int) -> Texels:
        """The same tile at 1/factor of the size, every pixel the mean of factor x factor.

        Slopes that average out leave a rougher surface: their variance is added to the squared roughness
        parameter alpha of the microfacet model (alpha = roughness**2; Olano and Baker, LEAN Mapping, 2010).
        """
        if factor == 1:
            return self
        slope = _block_mean(self.slope, factor)
        lost = _block_mean((self.slope**2).sum(axis=-1), factor) - (slope**2).sum(axis=-1)
        alpha_squared = _block_mean(self.roughness**4, factor) + np.maximum(lost, 0.0)
        rest = (_block_mean(values, factor) for values in (self.color, self.metallic, self.height))
        color, metallic, height = rest
        return Texels(color, np.minimum(alpha_squared, 1.0) ** 0.25, metallic, height, slope)

    def turned(self) -> Texels:
        """The same tile turned by a right angle: what ran along u runs along v."""
        height, color, roughness, metallic = (
            np.rot90(values) for values in (self.height, self.color, self.roughness, self.metallic)
        )
        slope = np.rot90(self.slope)
        return Texels(color, roughness, metallic, height, np.stack([-slope[..., 1], slope[..., 0]], axis=-1))


@dataclass(frozen=True)
class Maps:
    """An SVBRDF of the metallic-roughness model, all maps tileable.

    base_color: (n, n, 3) uint8 sRGB; roughness, metallic: (n, n) uint8 linear;
    normal: (n, n, 3) uint8 tangent space, OpenGL convention (red +U to the right, green +V up);
    height: (n, n) uint16, 0 the lowest and 65535 the highest point, ``relief`` apart (in tile edges).
    """

    base_color: ByteMap
    roughness: ByteMap
    metallic: ByteMap
    normal: ByteMap
    height: NDArray[np.uint16]
    relief: float


def texels(surface: SVBRDF) -> Texels:
    """A surface with the slopes of its height."""
    return Texels(surface.color, surface.roughness, surface.metallic, surface.height, slopes(surface.height))


def encode(tile: Texels) -> Maps:
    """Quantise a tile."""
    lowest, relief = float(tile.height.min()), float(np.ptp(tile.height))
    steps = (tile.height - lowest) / relief if relief > 0 else np.zeros_like(tile.height)
    return Maps(
        base_color=to_srgb(np.clip(tile.color, *REFLECTANCE)),
        roughness=_to_byte(np.clip(tile.roughness, MIN_ROUGHNESS, 1.0)),
        metallic=_to_byte(tile.metallic),
        normal=_to_byte(normals(tile.slope) * 0.5 + 0.5),
        height=np.round(steps * 65535).astype(np.uint16),
        relief=relief,
    )


def slopes(height: FloatMap) -> FloatMap:
    """(n, n, 2) dh/du and dh/dv of a periodic (n, n) height field in tile edges, by central differences."""
    size = len(height)
    du = (np.roll(height, -1, axis=1) - np.roll(height, 1, axis=1)) * (size / 2)
    dv = (np.roll(height, 1, axis=0) - np.roll(height, -1, axis=0)) * (size / 2)
    return np.stack([du, dv], axis=-1)


def normals(slope: FloatMap) -> FloatMap:
    """(n, n, 3) unit normals (-dh/du, -dh/dv, 1), normalised, of (n, n, 2) slopes."""
    vectors = np.concatenate([-slope, np.ones((*slope.shape[:2], 1))], axis=-1)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def check_size(size: int) -> None:
    """Raises PipelineError unless ``size`` is a power of two."""
    if size < 1 or size & (size - 1):
        raise PipelineError(f"material maps of size {size}: the size must be a power of two, e.g. 256 or 512")


def _to_byte(values: FloatMap) -> ByteMap:
    return np.round(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8)


def _block_mean(values: FloatMap, factor: int) -> FloatMap:
    size = len(values) // factor
    return values.reshape(size, factor, size, factor, *values.shape[2:]).mean(axis=(1, 3))

"""From a surface in floating point to the four 8-bit maps that a renderer reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from materials.color import ByteMap, FloatMap, to_srgb

#: Reflectances that real surfaces have (linear): nothing in a room is blacker or whiter.
REFLECTANCE = (0.02, 0.85)
#: A mirror-smooth map would show every facet of a mesh.
MIN_ROUGHNESS = 0.06


@dataclass(frozen=True)
class Surface:
    """One tile in floating point; row 0 is the top, so v grows against the rows.

    color: (n, n, 3) linear RGB; roughness, metallic: (n, n) in [0, 1];
    height: (n, n) in tile edges, so that its gradient over UV is the true slope.
    """

    color: FloatMap
    roughness: FloatMap
    height: FloatMap
    metallic: FloatMap

    def reduced(self, factor: int) -> Surface:
        """The same tile at 1/factor of the size, every pixel the mean of factor x factor."""
        return Surface(*(_block_mean(x, factor) for x in (self.color, self.roughness, self.height, self.metallic)))


@dataclass(frozen=True)
class Maps:
    """An SVBRDF of the metallic-roughness model, all maps uint8 and tileable.

    base_color: (n, n, 3) sRGB; roughness, metallic: (n, n) linear;
    normal: (n, n, 3) tangent space, OpenGL convention (red +U to the right, green +V up).
    """

    base_color: ByteMap
    roughness: ByteMap
    metallic: ByteMap
    normal: ByteMap


def encode(surface: Surface) -> Maps:
    """Quantise a surface; its normals come from its height."""
    return Maps(
        base_color=to_srgb(np.clip(surface.color, *REFLECTANCE)),
        roughness=_to_byte(np.clip(surface.roughness, MIN_ROUGHNESS, 1.0)),
        metallic=_to_byte(surface.metallic),
        normal=_to_byte(normals(surface.height) * 0.5 + 0.5),
    )


def normals(height: FloatMap) -> FloatMap:
    """(n, n, 3) unit normals of a periodic (n, n) height field in tile edges, by central differences.

    The normal of z = h(u, v) is (-dh/du, -dh/dv, 1), normalised; a flat field gives (0, 0, 1).
    """
    size = len(height)
    du = (np.roll(height, -1, axis=1) - np.roll(height, 1, axis=1)) * (size / 2)
    dv = (np.roll(height, 1, axis=0) - np.roll(height, -1, axis=0)) * (size / 2)
    vectors = np.stack([-du, -dv, np.ones_like(height)], axis=-1)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _to_byte(values: FloatMap) -> ByteMap:
    return np.round(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8)


def _block_mean(values: FloatMap, factor: int) -> FloatMap:
    size = len(values) // factor
    return values.reshape(size, factor, size, factor, *values.shape[2:]).mean(axis=(1, 3))

"""UVs in real units, laid out for tiled materials (no Blender in here, so that tests may import it).

Smart UV cuts a part into islands and packs them into a square. Materials repeat, so nothing needs packing: every
island is scaled to its true size, turned so that v runs along the part, and placed by where it is in space. Islands may
overlap, and none can bleed into another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.connectivity import face_components

Array = NDArray[np.float64]

#: An island so many times longer than wide has a long axis of its own (a rail of a bent frame); else the part's counts.
SLENDER = 2.0
#: A part whose two largest extents differ by less has no long axis; it gets UP or, lying flat, FRONT (Y-up world).
SQUARE = 1.15
UP, FRONT = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
#: An axis that leaves less of itself in an island's plane has no direction there.
MIN_PROJECTION = 0.2


@dataclass(frozen=True)
class _Triangles:
    """Corners in space (m, 3, 3) and in the texture (m, 3, 2), and areas there (m,)."""

    corners: Array
    uv: Array
    area: Array
    uv_area: Array


def lay_out(vertices: Array, faces: NDArray[np.int64], uv: Array) -> Array:
    """(m, 3, 2) UVs in the units of ``vertices`` for the islands of ``uv``.

    vertices: (n, 3), +Y up; faces: (m, 3); uv: (m, 3, 2), cut into islands. One unit of UV is one unit of surface,
    exactly so for every island as a whole.
    """
    corners = vertices[faces]
    edges, uv_edges = corners[:, 1:] - corners[:, :1], uv[:, 1:] - uv[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
    uv_area = np.abs(uv_edges[:, 0, 0] * uv_edges[:, 1, 1] - uv_edges[:, 0, 1] * uv_edges[:, 1, 0]) / 2
    triangles = _Triangles(corners, uv, area, uv_area)
    labels = islands(faces, uv)
    part_axis = long_axis(corners, area)
    result = np.empty_like(uv)
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.cumsum(np.bincount(labels))[:-1]):
        own = _Triangles(*(values[members] for values in triangles.__dict__.values()))
        result[members] = _place(own, part_axis)
    return result


def islands(faces: NDArray[np.int64], uv: Array) -> NDArray[np.int64]:
    """(m,) island of every face: faces that share a vertex and its UV are of one."""
    keys = np.column_stack([faces.ravel(), np.round(uv.reshape(-1, 2) * 1e6).astype(np.int64)])
    _, key = np.unique(keys, axis=0, return_inverse=True)
    return face_components(key.reshape(-1, 3))


def long_axis(corners: Array, area: Array) -> Array:
    """(3,) unit vector along the surface's longest extent, or along its grain by convention where it has none."""
    _, extents, axes = _extents(corners, area)
    if extents[0] > SQUARE * extents[1]:
        return _pointing_up(axes[0])
    lies_flat = abs(axes[2] @ UP) > 0.7
    return FRONT if lies_flat else UP


def _place(island: _Triangles, part_axis: Array) -> Array:
    """(k, 3, 2) UVs of one island: in true size, v along its axis, placed by its centre."""
    total = float(island.area.sum())
    scale = math.sqrt(total / island.uv_area.sum()) if island.uv_area.sum() > 0 else 1.0
    uv = island.uv * scale
    if total == 0:
        return uv
    centre, extents, axes = _extents(island.corners, island.area)
    axis = _pointing_up(axes[0]) if extents[0] > SLENDER * extents[1] else part_axis
    direction = _direction(island, uv, axis)
    if np.linalg.norm(direction) >= MIN_PROJECTION:
        along = direction / np.linalg.norm(direction)
        uv = uv @ np.array([[along[1], along[0]], [-along[0], along[1]]])
    across = np.cross(axes[2], axis)
    middle = (uv.mean(axis=1) * island.area[:, None]).sum(axis=0) / total
    return uv - middle + np.array([across @ centre, axis @ centre])


def _direction(island: _Triangles, uv: Array, axis: Array) -> Array:
    """(2,) mean direction in ``uv`` of ``axis``, as long as the share of it that lies in the surface."""
    first, second = (island.corners[:, i] - island.corners[:, 0] for i in (1, 2))
    # Coordinates of the axis' projection in the plane's basis (first, second), by the normal equations.
    a, b, c = ((x * y).sum(axis=1) for x, y in ((first, first), (first, second), (second, second)))
    p, q = first @ axis, second @ axis
    determinant = a * c - b * b
    sound = determinant > 1e-12 * np.maximum(a * c, 1e-30)
    safe = np.where(sound, determinant, 1.0)
    s, t = (c * p - b * q) / safe, (a * q - b * p) / safe
    in_uv = s[:, None] * (uv[:, 1] - uv[:, 0]) + t[:, None] * (uv[:, 2] - uv[:, 0])
    weight = np.where(sound, island.area, 0.0)
    return np.asarray((in_uv * weight[:, None]).sum(axis=0) / max(float(weight.sum()), 1e-30))


def _extents(corners: Array, area: Array) -> tuple[Array, Array, Array]:
    """Centre (3,), spreads (3,) and axes (3, 3), largest first, of a surface by its exact second moments."""
    total = max(float(area.sum()), 1e-30)
    centre = (corners.mean(axis=1) * area[:, None]).sum(axis=0) / total
    away = corners - centre
    sums = away.sum(axis=1)
    # The integral of x xᵀ over a triangle is area/12 (Σ vᵢvᵢᵀ + (Σvᵢ)(Σvᵢ)ᵀ).
    moments = np.einsum("mki,mkj,m->ij", away, away, area) + np.einsum("mi,mj,m->ij", sums, sums, area)
    values, vectors = np.linalg.eigh(moments / 12 / total)
    return centre, np.sqrt(np.maximum(values[::-1], 0.0)), vectors.T[::-1]


def _pointing_up(axis: Array) -> Array:
    """Of the axis and its opposite, the one whose largest coordinate is positive."""
    return axis if axis[np.argmax(np.abs(axis))] > 0 else -axis


def inherit(origin: NDArray[np.int32], corners: Array, intact: Array, intact_uv: Array, own: Array) -> Array:
    """(m, 3, 2) UVs of a changed part: where it lies on the intact one, that one's; else its ``own``.

    origin: (m,) face of the intact part under every face, or -1; corners: (m, 3, 3), where the faces then were;
    intact: (k, 3, 3) corners and intact_uv: (k, 3, 2) UVs of the intact part; own: (m, 3, 2).
    """
    under = np.maximum(origin, 0)
    triangles, uv = intact[under], intact_uv[under]
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    away = corners - triangles[:, :1]
    a, b, c = ((x * y).sum(axis=1)[:, None] for x, y in ((first, first), (first, second), (second, second)))
    p, q = np.einsum("mki,mi->mk", away, first), np.einsum("mki,mi->mk", away, second)
    determinant = np.maximum(a * c - b * b, 1e-30)
    s, t = (c * p - b * q) / determinant, (a * q - b * p) / determinant
    kept = uv[:, :1] + s[..., None] * (uv[:, 1:2] - uv[:, :1]) + t[..., None] * (uv[:, 2:3] - uv[:, :1])
    return np.where((origin >= 0)[:, None, None], kept, own)

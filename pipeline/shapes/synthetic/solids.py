"""Closed triangle meshes: swept bars, padded slabs, thin shells. All are wound outward.

Every solid is a grid of quads closed by fans; neighbours share vertices, so meshes stay watertight
whatever the coordinates are rounded to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from pipeline.shapes.shape import make_mesh
from pipeline.shapes.synthetic.curves import MIRROR, Points

#: Which plane a slab lies in: a seat's (x, z) or a back's (x, y).
Plane = Literal["seat", "back"]

#: Angles of the rings that round an edge off, from the side (0) to the end face.
_EDGE_ANGLES = np.radians([30.0, 60.0, 90.0])


def loft(rings: Points, closed: bool = False) -> trimesh.Trimesh:
    """Skin ``rings`` (k, n, 3) of n points each; the ends get flat fans, or meet when ``closed``."""
    count, size = rings.shape[:2]
    index = np.arange(count * size).reshape(count, size)
    around = np.concatenate([index, index[:, :1]], axis=1)
    quads = _quads(np.concatenate([around, around[:1]]) if closed else around)
    vertices = rings.reshape(-1, 3)
    if closed:
        return _outward(vertices, quads)
    first, last = count * size, count * size + 1
    vertices = np.concatenate([vertices, [rings[0].mean(axis=0), rings[-1].mean(axis=0)]])
    fans = [_fan(index[0][::-1], first), _fan(index[-1], last)]
    return _outward(vertices, np.concatenate([quads, *fans]))


def sweep(
    path: Points,
    section: Points,
    scale: ArrayLike = 1.0,
    up: ArrayLike = (0.0, 1.0, 0.0),
    bevel: float = 0.0,
    closed: bool = False,
) -> trimesh.Trimesh:
    """Sweep ``section`` (n, 2) along ``path`` (k, 3).

    The section's second axis starts along ``up`` and is carried along without twist (its first is
    tangent x up). ``scale`` is one number, (k,) or (k, 2), per point of the path. ``bevel`` rounds the
    open ends off: they grow by that length along the path.
    """
    tangents = _tangents(path, closed)
    side, lift = _frames(tangents, np.asarray(up, dtype=float))
    scale = np.asarray(scale, dtype=float)
    scales = np.broadcast_to(scale[:, None] if scale.ndim == 1 else scale, (len(path), 2))
    flat = section[None] * scales[:, None]
    rings = path[:, None] + flat[..., :1] * side[:, None] + flat[..., 1:] * lift[:, None]
    if closed or bevel == 0.0:
        return loft(rings, closed)
    head = _rounded_end(rings[0], path[0], -tangents[0], (side[0], lift[0]), bevel)
    tail = _rounded_end(rings[-1], path[-1], tangents[-1], (side[-1], lift[-1]), bevel)
    return loft(np.concatenate([head[::-1], rings, tail]))


def pad(
    outline: Points,
    thickness: float,
    edge: float,
    crown: tuple[float, float] = (0.0, 0.0),
    plane: Plane = "seat",
) -> trimesh.Trimesh:
    """A slab with rounded rim and domed faces: board, cushion or back panel, centred at the origin.

    outline (n, 2), star-shaped about the origin, is (x, z) of a ``seat`` (thickness along +Y) or
    (x, y) of a ``back`` (thickness along +Z). ``edge`` is the rim's radius, ``crown`` the height of the
    domes on the (under, upper) side above the flat slab.
    """
    edge = min(edge, 0.49 * thickness)
    half = np.abs(outline).max(axis=0)
    rings = []
    for sign, dome in ((-1, crown[0]), (1, crown[1])):
        side = []
        for inset, height in _rim_profile(half, thickness / 2, edge):
            plan = outline * (1 - inset / half)
            bulge = dome * np.prod(1 - np.minimum(np.abs(plan) / (half - edge), 1.0) ** 2, axis=1)
            side.append(np.stack([plan[:, 0], sign * (height + bulge), plan[:, 1]], axis=1))
        rings += side[::sign]
    stack = np.stack(rings)
    return loft(stack if plane == "seat" else stack[..., [0, 2, 1]])


def shell(grid: Points, thickness: float) -> trimesh.Trimesh:
    """A thin sheet of even ``thickness`` about the surface ``grid`` (m, n, 3), its rim half round."""
    along, across = np.gradient(grid, axis=0), np.gradient(grid, axis=1)
    normal = np.cross(along, across)
    offset = normal / np.linalg.norm(normal, axis=2, keepdims=True) * (thickness / 2)
    m, n = grid.shape[:2]
    index = np.arange(m * n).reshape(m, n)
    border = np.concatenate([index[0], index[1:, -1], index[-1, -2::-1], index[-2:0:-1, 0]])
    rim = grid.reshape(-1, 3)[border] + _outward_of_border(grid).reshape(-1, 3)[border] * (thickness / 2)
    vertices = np.concatenate([(grid + offset).reshape(-1, 3), (grid - offset).reshape(-1, 3), rim])
    loop = np.append(border, border[0])
    middle = 2 * m * n + np.append(np.arange(len(border)), 0)
    front, band = _quads(index), _quads(np.stack([loop, middle, loop + m * n]))
    return _outward(vertices, np.concatenate([front, front[:, ::-1] + m * n, band[:, ::-1]]))


def deformed(mesh: trimesh.Trimesh, move: Callable[[Points], Points]) -> trimesh.Trimesh:
    """The same triangles with vertices ``move(vertices)``, (n, 3) to (n, 3)."""
    return make_mesh(move(np.array(mesh.vertices)), mesh.faces)


def placed(mesh: trimesh.Trimesh, origin: ArrayLike, pitch: float = 0.0, yaw: float = 0.0) -> trimesh.Trimesh:
    """Turn about X by ``pitch`` (positive leans the top back, toward -Z), about Y by ``yaw``, then move.

    Angles are radians; turns are about the mesh's own origin.
    """
    lean = trimesh.transformations.rotation_matrix(-pitch, (1, 0, 0))
    turn = trimesh.transformations.rotation_matrix(yaw, (0, 1, 0))
    matrix = trimesh.transformations.translation_matrix(origin) @ turn @ lean
    return deformed(mesh, lambda v: trimesh.transform_points(v, matrix))


def mirrored(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh reflected in the plane x = 0, still wound outward."""
    return make_mesh(mesh.vertices * MIRROR, mesh.faces[:, ::-1])


def _rim_profile(half: Points, rise: float, edge: float) -> list[tuple[Points, float]]:
    """(inset, height) of the rings from the rim's widest ring to the middle of one flat face."""
    rim: list[tuple[Points, float]] = [(np.zeros(2), rise - edge)]
    rim += [(np.full(2, edge * (1 - np.cos(a))), rise - edge * (1 - np.sin(a))) for a in _EDGE_ANGLES]
    return rim + [(edge + (half - edge) * (1 - s), rise) for s in (0.88, 0.7, 0.5, 0.3, 0.12)]


def _tangents(path: Points, closed: bool) -> Points:
    steps = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    return steps / np.linalg.norm(steps, axis=1, keepdims=True)


def _frames(tangents: Points, up: Points) -> tuple[Points, Points]:
    """Section axes (k, 3) each: ``up`` projected off the first tangent, then carried from point to point."""
    lifts = []
    for tangent in tangents:
        up = up - (up @ tangent) * tangent
        up = up / np.linalg.norm(up)
        lifts.append(up)
    lift = np.array(lifts)
    return np.cross(tangents, lift), lift


def _rounded_end(ring: Points, centre: Points, outward: Points, axes: tuple[Points, Points], bevel: float) -> Points:
    """Rings (3, n, 3) beyond an end ring, along a quarter circle."""
    flat = np.stack([(ring - centre) @ axis for axis in axes], axis=1)
    half = np.abs(flat).max(axis=0)
    bevel = min(bevel, 0.9 * float(half.min()))
    rings = []
    for angle in _EDGE_ANGLES:
        inset = flat * (1 - bevel * (1 - np.cos(angle)) / half)
        rings.append(centre + outward * bevel * np.sin(angle) + inset[:, :1] * axes[0] + inset[:, 1:] * axes[1])
    return np.stack(rings)


def _outward_of_border(grid: Points) -> Points:
    """Unit vectors (m, n, 3) that leave the sheet at its border, zero inside."""
    away = np.zeros_like(grid)
    away[0] += _unit(grid[0] - grid[1])
    away[-1] += _unit(grid[-1] - grid[-2])
    away[:, 0] += _unit(grid[:, 0] - grid[:, 1])
    away[:, -1] += _unit(grid[:, -1] - grid[:, -2])
    length = np.linalg.norm(away, axis=2, keepdims=True)
    return away / np.where(length > 0, length, 1.0)


def _unit(vectors: Points) -> Points:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _quads(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two triangles for every cell of a grid of vertex indices (r, n)."""
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate([np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)])


def _fan(ring: NDArray[np.int64], centre: int) -> NDArray[np.int64]:
    return np.stack([ring, np.roll(ring, -1), np.full(len(ring), centre)], axis=1)


def _outward(vertices: Points, faces: NDArray[np.int64]) -> trimesh.Trimesh:
    mesh = make_mesh(vertices, faces)
    return mesh if mesh.volume > 0 else make_mesh(vertices, faces[:, ::-1])

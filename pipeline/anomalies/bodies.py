"""The bodies of a target, and the first method of the chain that suits each.

Boolean of what is closed; of what open shells stand for, their holes capped; the same after MeshLab's
mending; a wrap around walls that enclose a volume together; and clipping, for true sheets.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.triangles import area as triangle_areas

from pipeline.anomalies.closing import cap, mended
from pipeline.anomalies.cutting import Body, Method, Sheet, Side, Solid, Tool, manifold
from pipeline.anomalies.measure import exposed, join
from pipeline.anomalies.pieces import Piece, split
from pipeline.anomalies.task import Task
from pipeline.anomalies.wrapping import Wrapped, wrapped
from pipeline.shapes.shape import Soup, flatten

#: An open shell is a solid if the fans that close its holes are at most this share of its area ...
MAX_CAP_SHARE = 0.35
#: ... or at most this share of their area can be seen: the mouth of a sofa's arm, hidden by its seat.
MAX_EXPOSED_CAP = 0.15


def bodies(task: Task) -> tuple[Body, ...]:
    """Everything that the target is made of, numbered through."""
    soup = flatten((p.part_id, p.mesh) for p in task.shape.parts)
    found: list[Body] = []
    for part_id in task.target.part_ids:
        found += part_bodies(task.shape.part(part_id).mesh, part_id, soup, first=len(found))
    return tuple(found)


def part_bodies(mesh: trimesh.Trimesh, part_id: int, intact: Soup, first: int = 0) -> list[Body]:
    """The bodies of one part of the object ``intact``; their components are numbered from ``first``."""
    found: list[Body] = []

    def piece(surface: trimesh.Trimesh) -> Piece:
        return Piece(surface, part_id, first + len(found), float(surface.area), None)

    sheets = []
    for component in split(mesh):
        solid = _solid(piece(component), intact, "boolean", "capped boolean")
        found += [solid] if solid else []
        sheets += [] if solid else [component]
    loose = []
    for component in split(mended(join(sheets))) if sheets else []:
        solid = _solid(piece(component), intact, "mended boolean", "mended capped boolean")
        found += [solid] if solid else []
        loose += [] if solid else [component]
    for solid, offset, walls in wrapped(loose) if loose else []:
        found.append(Wrapped(piece(join(walls)), solid, offset))
        loose = [sheet for sheet in loose if not any(sheet is wall for wall in walls)]
    for sheet in loose:
        found.append(Sheet(piece(sheet)))
    return found


def cut(body: Body, tool: Tool, side: Side) -> tuple[tuple[Piece, ...], Method]:
    """The pieces on one side of the tool, by the body's own method or, where that fails its checks, by clipping."""
    low, high = body.intact.mesh.bounds
    if (low > tool.bounds[1]).any() or (high < tool.bounds[0]).any():
        return ((body.intact,) if side == "outside" else ()), body.method
    pieces = body.cut(tool, side)
    if pieces is not None:
        return pieces, body.method
    sheet = Sheet(body.intact)
    return sheet.cut(tool, side), sheet.method


def _solid(piece: Piece, intact: Soup, closed: Method, capped: Method) -> Solid | None:
    """The solid that a component stands for, as one is or once its holes are capped."""
    mesh = piece.mesh
    if not mesh.is_winding_consistent:
        return None
    extra, caps = cap(mesh)
    vertices = np.vstack([mesh.vertices, extra])
    if not _stands_for_solid(vertices[caps], float(mesh.area), intact):
        return None
    solid = manifold(vertices, np.vstack([mesh.faces, caps]))
    if solid is None:
        return None
    if len(caps):
        return Solid(piece, solid, len(mesh.faces), capped)
    return Solid(replace(piece, volume=float(solid.volume())), solid, len(mesh.faces), closed)


def _stands_for_solid(caps: NDArray[np.float64], area: float, intact: Soup) -> bool:
    """Whether the holes that ``caps`` (k, 3, 3) close are small, or hidden from every camera."""
    areas = triangle_areas(caps)
    if areas.sum() <= MAX_CAP_SHARE * area:
        return True
    return bool(areas @ exposed(caps.mean(axis=1), intact) <= MAX_EXPOSED_CAP * areas.sum())

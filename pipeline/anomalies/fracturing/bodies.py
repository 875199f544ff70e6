"""The bodies of a target, and the first method of the chain that suits each.

Boolean of what is closed; of what open shells stand for, their holes capped; the same after MeshLab's
mending; a wrap around walls that enclose a volume together; and clipping, for true sheets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.triangles import area as triangle_areas

from pipeline.anomalies.fracturing.closing import cap, mended
from pipeline.anomalies.fracturing.cutting import Body, Method, Sheet, Side, Solid, Tool, manifold
from pipeline.anomalies.fracturing.pieces import Piece, split
from pipeline.anomalies.fracturing.wrapping import Wrapped, wrapped
from pipeline.anomalies.proving.measure import free_rays, join
from pipeline.anomalies.task import Task
from pipeline.geometry.raycast import RayScene

#: An open shell is a solid if the fans that close its holes are at most this share of its area ...
MAX_CAP_SHARE = 0.35
#: ... or at most this share of their area can be seen: the mouth of a sofa's arm, hidden by its seat.
MAX_EXPOSED_CAP = 0.15


def bodies(task: Task) -> tuple[Body, ...]:
    """Everything that the target is made of, numbered through."""
    found: list[Body] = []
    for part_id in task.target.part_ids:
        found += part_bodies(
            task.shape.part(part_id).mesh, part_id, (task.rest_scene, task.old_scene), first=len(found)
        )
    return tuple(found)


def part_bodies(mesh: trimesh.Trimesh, part_id: int, intact: Sequence[RayScene], first: int = 0) -> list[Body]:
    """The bodies of one part, their components numbered from ``first``; ``intact``: the object's ray scenes."""
    found: list[Body] = []

    def piece(surface: trimesh.Trimesh) -> Piece:
        return Piece(surface, part_id, first + len(found), float(surface.area), None)

    sheets = _take_solids(split(mesh), piece, intact, ("boolean", "capped boolean"), found)
    if sheets:
        components = split(mended(join(sheets)))
        sheets = _take_solids(components, piece, intact, ("mended boolean", "mended capped boolean"), found)
    for solid, offset, walls in wrapped(sheets) if sheets else []:
        found.append(Wrapped(piece(join(walls)), solid, offset))
        sheets = [sheet for sheet in sheets if not any(sheet is wall for wall in walls)]
    for sheet in sheets:
        found.append(Sheet(piece(sheet)))
    return found


def cut(body: Body, tool: Tool, side: Side) -> tuple[tuple[Piece, ...], Method]:
    """The pieces on one side of the tool, by the first method whose result passes its checks.

    That is the body's own, else a wrap of its own around it, else clipping.
    """
    low, high = body.intact.mesh.bounds
    if (low > tool.bounds[1]).any() or (high < tool.bounds[0]).any():
        return ((body.intact,) if side == "outside" else ()), body.method
    pieces = body.cut(tool, side)
    if pieces is not None:
        return pieces, body.method
    for solid, offset, _ in wrapped([body.intact.mesh]):
        around = Wrapped(body.intact, solid, offset)
        pieces = around.cut(tool, side)
        if pieces is not None:
            return pieces, around.method
    sheet = Sheet(body.intact)
    return sheet.cut(tool, side), sheet.method


def _take_solids(
    components: Sequence[trimesh.Trimesh],
    piece: Callable[[trimesh.Trimesh], Piece],
    intact: Sequence[RayScene],
    methods: tuple[Method, Method],
    found: list[Body],
) -> list[trimesh.Trimesh]:
    """Append the solids that components stand for to ``found``; return the components that stand for none.

    methods: of closed components, and of those whose holes are capped.
    """
    capped = [cap(c) if c.is_winding_consistent else None for c in components]
    corners = [np.vstack([c.vertices, k[0]])[k[1]] for c, k in zip(components, capped, strict=True) if k is not None]
    areas = [float(c.area) for c, k in zip(components, capped, strict=True) if k is not None]
    stands = iter(_stand_for_solids(corners, areas, intact))
    sheets = []
    for component, caps in zip(components, capped, strict=True):
        solid = None
        if caps is not None and next(stands):
            vertices, faces = np.vstack([component.vertices, caps[0]]), np.vstack([component.faces, caps[1]])
            solid = manifold(vertices, faces)
        if solid is None:
            sheets.append(component)
        elif caps is not None and len(caps[1]):
            found.append(Solid(piece(component), solid, len(component.faces), methods[1]))
        else:
            whole = replace(piece(component), volume=float(solid.volume()))
            found.append(Solid(whole, solid, len(component.faces), methods[0]))
    return sheets


def _stand_for_solids(
    caps: Sequence[NDArray[np.float64]], areas: Sequence[float], intact: Sequence[RayScene]
) -> list[bool]:
    """Whether the holes that caps (k, 3, 3) close, in components of these areas, are small or hidden."""
    small = [float(triangle_areas(c).sum()) <= MAX_CAP_SHARE * area for c, area in zip(caps, areas, strict=True)]
    large = [c for c, is_small in zip(caps, small, strict=True) if not is_small]
    if not large:
        return small
    centres = np.concatenate(large).mean(axis=1)
    seen = np.split(free_rays(centres, *intact).any(axis=1), np.cumsum([len(c) for c in large])[:-1])
    hidden = iter(
        bool(triangle_areas(c) @ s <= MAX_EXPOSED_CAP * triangle_areas(c).sum())
        for c, s in zip(large, seen, strict=True)
    )
    return [is_small or next(hidden) for is_small in small]

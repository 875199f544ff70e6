"""Walls that stand for a solid without closing it: cut through a watertight wrap that is never shown."""

from __future__ import annotations

from dataclasses import dataclass

import manifold3d
import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.anomalies import meshlab
from pipeline.anomalies.fracturing.closing import boundary_edges
from pipeline.anomalies.fracturing.cutting import (
    TOOL,
    Method,
    Side,
    Tool,
    boolean,
    clipped,
    grows_nothing,
    has_fracture,
    manifold,
)
from pipeline.anomalies.fracturing.pieces import Piece, submesh
from pipeline.anomalies.proving.measure import join
from pipeline.shapes.shape import make_mesh

#: Holes narrower than this are bridged, and the wrap lies this far off; shares of the bounding box's diagonal.
ALPHA, OFFSET = 0.05, 0.002
#: A wrap of this many times the volume of its own offset layer has an inside; a sheet's has one times.
MIN_FULLNESS = 1.5
#: A fracture's rim is drawn to the surface's cut edge from within this many offsets.
REACH = 8.0
#: Segments of the cut edge that may hold the nearest point.
FEW = 8


@dataclass(frozen=True)
class Wrapped:
    """A body of walls, and the manifold around them; ``offset`` is how far off it lies, in object radii."""

    intact: Piece
    solid: manifold3d.Manifold
    offset: float
    method: Method = "wrapped boolean"

    def cut(self, tool: Tool, side: Side) -> tuple[Piece, ...] | None:
        """The walls clipped, and the fracture that the tool leaves in the wrap."""
        rest = boolean(self.solid, tool, side)
        if rest is None:
            return None
        surface = clipped(self.intact.mesh, tool, side)
        if surface is None:
            return (self.intact,)
        if len(surface.faces) == 0:
            return ()
        if not has_fracture(rest):
            return None
        parts = rest.decompose()
        raws = [part.to_mesh64() for part in parts]
        corners = [np.asarray(raw.vert_properties)[:, :3] for raw in raws]
        owner = np.repeat(np.arange(len(parts)), [len(c) for c in corners])
        _, nearest = cKDTree(np.vstack(corners)).query(surface.triangles_center)
        pieces = []
        for number, raw in enumerate(raws):
            walls = submesh(surface, np.asarray(surface.faces)[owner[nearest] == number])
            if len(walls.faces) == 0:
                continue
            faces = np.asarray(raw.tri_verts, dtype=np.int64)
            fracture = submesh(make_mesh(corners[number], faces), faces[np.asarray(raw.face_id) >= TOOL])
            mesh = join([walls, self._fitted(fracture, walls, tool)])
            pieces.append(self.intact.remnant(mesh, float(walls.area), None))
        return tuple(pieces) if grows_nothing(self.intact, pieces) else None

    def _fitted(self, fracture: trimesh.Trimesh, walls: trimesh.Trimesh, tool: Tool) -> trimesh.Trimesh:
        """The fracture (n faces) with its rim on the walls' cut edge, and nothing beyond their bounding box."""
        vertices = np.array(fracture.vertices)
        edges = boundary_edges(np.asarray(walls.faces))
        on_cut = np.abs(tool.cutter.gauge(np.asarray(walls.vertices)) - 1) < 1e-3
        segments = np.asarray(walls.vertices)[edges[on_cut[edges].all(axis=1)]]
        rim = np.unique(boundary_edges(np.asarray(fracture.faces)))
        if len(segments) and len(rim):
            target = _nearest_on_segments(vertices[rim], segments)
            near = np.linalg.norm(target - vertices[rim], axis=1) < REACH * self.offset
            vertices[rim[near]] = target[near]
        return make_mesh(np.clip(vertices, *self.intact.mesh.bounds), np.asarray(fracture.faces))


def wrapped(sheets: list[trimesh.Trimesh]) -> list[tuple[manifold3d.Manifold, float, list[trimesh.Trimesh]]]:
    """The solids that sheets stand for together: ``(manifold, offset, its sheets)``; sheets of none are left out.

    The wrap is CGAL's alpha wrap: it bridges gaps and holes, ignores what is inside, and is always
    closed. Around a true sheet it is thin, and no solid.
    """
    soup = join(sheets)
    vertices = np.asarray(soup.vertices)
    offset = OFFSET * float(np.linalg.norm(np.ptp(vertices, axis=0)))
    whole = manifold(*meshlab.alpha_wrap(vertices, np.asarray(soup.faces), ALPHA, OFFSET))
    if whole is None:
        return []
    parts = whole.decompose()
    corners = [np.asarray(part.to_mesh64().vert_properties)[:, :3] for part in parts]
    owner = np.repeat(np.arange(len(parts)), [len(c) for c in corners])
    tree = cKDTree(np.vstack(corners))
    home = [int(np.bincount(owner[tree.query(m.triangles_center)[1]]).argmax()) for m in sheets]
    result = []
    for number, part in enumerate(parts):
        mine = [m for m, h in zip(sheets, home, strict=True) if h == number]
        if mine and part.volume() > MIN_FULLNESS * offset * part.surface_area():
            result.append((part, offset, mine))
    return result


def _nearest_on_segments(points: NDArray[np.float64], segments: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) near points to ``points`` (n, 3) on segments (k, 2, 3): nearest on the few with the nearest middles."""
    _, few = cKDTree(segments.mean(axis=1)).query(points, k=min(FEW, len(segments)))
    few = few.reshape(len(points), -1)
    start, along = segments[few, 0], segments[few, 1] - segments[few, 0]
    length = np.maximum((along**2).sum(axis=2), 1e-30)
    t = np.clip(((points[:, None] - start) * along).sum(axis=2) / length, 0, 1)
    candidates = start + t[..., None] * along
    best = np.linalg.norm(candidates - points[:, None], axis=2).argmin(axis=1)
    return np.asarray(candidates[np.arange(len(points)), best])

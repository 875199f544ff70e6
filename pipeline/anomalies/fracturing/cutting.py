"""Cutting one connected body with a cutter: what lies outside it, or inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import manifold3d
import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.anomalies.fracturing.clipping import clip_triangles, refine
from pipeline.anomalies.fracturing.cutter import Cutter
from pipeline.anomalies.fracturing.pieces import Piece, split, submesh
from pipeline.shapes.shape import make_mesh

Side = Literal["outside", "inside"]
Method = Literal["boolean", "capped boolean", "mended boolean", "mended capped boolean", "wrapped boolean", "clip"]

#: Id of the cutter's first face in a Boolean's result; a body's own faces have smaller ones.
TOOL = 2**30
#: Less volume than this, in cubic object radii, is a folded sheet.
MIN_VOLUME = 1e-9
#: A sheet's triangles near the cut are refined to this share of the cutter's largest half axis.
CLIP_DETAIL = 0.1
#: The gauge grows at most about this fast where a cutter is rough, over its smallest half axis.
GAUGE_SLOPE = 3.0
#: A cut grows nothing but by what float32 rounds.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Tool:
    """A cutter, the manifold of its surface (face ids from ``TOOL``), and its bounding box (2, 3)."""

    cutter: Cutter
    solid: manifold3d.Manifold
    bounds: NDArray[np.float64]

    @staticmethod
    def of(cutter: Cutter) -> Tool:
        mesh = cutter.mesh()
        solid = manifold(np.asarray(mesh.vertices), np.asarray(mesh.faces), TOOL)
        assert solid is not None, "a cutter is closed by construction"
        return Tool(cutter, solid, np.asarray(mesh.bounds))


class Body(Protocol):
    """A connected body of the target that can be cut, and how."""

    @property
    def intact(self) -> Piece:
        """The body as it was."""
        ...

    @property
    def method(self) -> Method:
        """How it is cut."""
        ...

    def cut(self, tool: Tool, side: Side) -> tuple[Piece, ...] | None:
        """The connected pieces on one side of the tool's surface; ``(intact,)`` itself where nothing is cut off.

        None where the result does not hold what it promises.
        """
        ...


def manifold(vertices: NDArray[np.float64], faces: NDArray[np.int64], first_id: int = 0) -> manifold3d.Manifold | None:
    """An outward manifold whose triangles carry consecutive ids, or None where it is none or encloses nothing."""
    ids = np.arange(first_id, first_id + len(faces), dtype=np.uint64)
    for winding in (faces, faces[:, ::-1]):
        solid = manifold3d.Manifold(
            manifold3d.Mesh64(
                vert_properties=np.ascontiguousarray(vertices, dtype=np.float64),
                tri_verts=np.ascontiguousarray(winding, dtype=np.uint64),
                face_id=ids,
            )
        )
        if solid.status() != manifold3d.Error.NoError:
            return None
        if solid.volume() > MIN_VOLUME:
            return solid  # an inside-out mesh has a negative volume, and no error
    return None


@dataclass(frozen=True)
class Solid:
    """A body that encloses a volume, perhaps by caps: the faces from ``own_faces`` on, never part of a result."""

    intact: Piece
    solid: manifold3d.Manifold
    own_faces: int
    method: Method

    def cut(self, tool: Tool, side: Side) -> tuple[Piece, ...] | None:
        """Exact Boolean (manifold3d). Everywhere but at the fracture the surface stays as it was."""
        rest = boolean(self.solid, tool, side)
        if rest is None:
            return None
        if not has_fracture(rest):
            return () if rest.is_empty() else (self.intact,)
        pieces = []
        for part in rest.decompose():
            raw = part.to_mesh64()
            vertices, faces, kept = as_float32(
                np.asarray(raw.vert_properties)[:, :3], np.asarray(raw.tri_verts, dtype=np.int64)
            )
            source = np.asarray(raw.face_id)[kept]
            left = make_mesh(vertices, faces)
            own = source < self.own_faces
            shown = own | (source >= TOOL)
            if not shown.all():
                piece = self.intact.remnant(submesh(left, faces[shown]), float(left.area_faces[own].sum()), None)
            elif len(faces) and left.is_watertight and left.is_winding_consistent:
                piece = self.intact.remnant(left, float(left.area_faces[own].sum()), float(part.volume()))
            else:
                return None
            if piece.original_area > 0:
                pieces.append(piece)
        return tuple(pieces) if grows_nothing(self.intact, pieces) else None


@dataclass(frozen=True)
class Sheet:
    """A body without an inside, such as an egg chair's shell: a fracture must not fill the hollow people sit in."""

    intact: Piece
    method: Method = "clip"

    def cut(self, tool: Tool, side: Side) -> tuple[Piece, ...]:
        """Clip the surface; the cut has no surface of its own."""
        left = clipped(self.intact.mesh, tool, side)
        if left is None:
            return (self.intact,)
        return tuple(self.intact.remnant(m, float(m.area), None) for m in split(left))


def boolean(solid: manifold3d.Manifold, tool: Tool, side: Side) -> manifold3d.Manifold | None:
    """What of the solid lies on one side of the tool's surface; None where its volume cannot be right."""
    rest = solid - tool.solid if side == "outside" else solid ^ tool.solid
    if rest.status() != manifold3d.Error.NoError or not 0 <= rest.volume() <= solid.volume() * (1 + ROUNDING):
        return None
    return rest


def has_fracture(rest: manifold3d.Manifold) -> bool:
    """Whether some of the surface of a Boolean's result is the tool's."""
    return bool((np.asarray(rest.to_mesh64().face_id) >= TOOL).any())


def grows_nothing(intact: Piece, pieces: list[Piece]) -> bool:
    """Whether all pieces lie within the bounding box of what they were cut from."""
    low, high = intact.mesh.bounds
    return all(
        (p.mesh.bounds[0] >= low - ROUNDING).all() and (p.mesh.bounds[1] <= high + ROUNDING).all() for p in pieces
    )


def as_float32(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Vertices rounded as files keep them, faces (k, 3) of those, and which faces (m,) are kept.

    Vertices that rounding makes equal become one, and slivers that this collapses go, so that a
    program that merges equal vertices finds the surface as closed as it is. A surface that touches
    itself would not survive the merge: it keeps its vertices apart.
    """
    rounded = vertices.astype(np.float32).astype(np.float64)
    order = np.lexsort(rounded.T)
    new = np.ones(len(rounded), dtype=bool)
    new[1:] = (rounded[order[1:]] != rounded[order[:-1]]).any(axis=1)
    if new.all():
        return rounded, faces, np.ones(len(faces), dtype=bool)
    merged = np.empty(len(rounded), dtype=np.int64)
    merged[order] = order[new][np.cumsum(new) - 1]
    result = merged[faces]
    kept = (result != np.roll(result, 1, axis=1)).all(axis=1)
    candidate = make_mesh(rounded, result[kept])
    if not (candidate.is_watertight and candidate.is_winding_consistent):
        return rounded, faces, np.ones(len(faces), dtype=bool)
    small = submesh(candidate, result[kept])
    return np.asarray(small.vertices), np.asarray(small.faces), kept


def clipped(mesh: trimesh.Trimesh, tool: Tool, side: Side) -> trimesh.Trimesh | None:
    """The surface on one side of the cutter, finer near the cut; None where all of it is.

    The cut follows the cutter's gauge, taken as linear over each refined triangle.
    """
    cutter = tool.cutter
    half_axes = np.linalg.norm(cutter.axes, axis=0)

    def near(triangles: NDArray[np.float64]) -> NDArray[np.bool_]:
        middle = triangles.mean(axis=1)
        reach = np.linalg.norm(triangles - middle[:, None], axis=2).max(axis=1)
        return np.asarray(np.abs(cutter.gauge(middle) - 1) < GAUGE_SLOPE * reach / half_axes.min())

    size = CLIP_DETAIL * float(half_axes.max())
    vertices, faces = refine(np.asarray(mesh.vertices), np.asarray(mesh.faces), near, size)
    beyond = (cutter.gauge(vertices) - 1) * (1 if side == "outside" else -1)
    if (beyond > 0).all():
        return None
    triangles = clip_triangles(vertices[faces], beyond[faces])
    left = make_mesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3))
    left.merge_vertices()
    left.update_faces(left.nondegenerate_faces())
    return left

"""Subtracting a cutter from one connected component: a Boolean where it encloses a volume, else a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import manifold3d
import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.triangles import area as triangle_areas

from pipeline.anomalies.clipping import clip_triangles, refine
from pipeline.anomalies.closing import cap
from pipeline.anomalies.cutter import Cutter
from pipeline.anomalies.measure import exposed
from pipeline.anomalies.pieces import Piece, split, submesh
from pipeline.shapes.shape import Soup, make_mesh

#: An open shell is a solid if the fans that close its holes are at most this share of its area ...
MAX_CAP_SHARE = 0.35
#: ... or at most this share of their area can be seen: the mouth of a sofa's arm, hidden by its seat.
MAX_EXPOSED_CAP = 0.15
#: A sheet's triangles near the cut are refined to this share of the cutter's largest half axis.
CLIP_DETAIL = 0.1
#: Less volume than this, in cubic object radii, is a folded sheet.
MIN_VOLUME = 1e-9

Method = Literal["boolean", "capped boolean", "clip"]


@dataclass(frozen=True)
class Cut:
    """What is left of a component, how it was cut, and its volume before (None unless by plain Boolean)."""

    pieces: tuple[Piece, ...]
    method: Method
    volume_before: float | None


def cut(piece: Piece, cutter: Cutter, body: trimesh.Trimesh, intact: Soup) -> Cut:
    """Subtract the cutter, whose mesh is ``body``, from a component of the object ``intact``.

    An open component is closed for the Boolean where it stands for a solid. A true sheet, such as an
    egg chair's shell, is not: the fracture would fill the hollow that people sit in.
    """
    return _subtract(piece, body, intact) or _clip(piece, cutter, body)


def _subtract(piece: Piece, body: trimesh.Trimesh, intact: Soup) -> Cut | None:
    """Exact Boolean (manifold3d), or None where the component is no solid even when capped.

    Caps are taken off again afterwards: everywhere but at the fracture the surface stays as it was.
    """
    mesh = piece.mesh
    if not mesh.is_winding_consistent:
        return None
    extra, caps = cap(mesh)
    vertices = np.vstack([mesh.vertices, extra])
    if not _stands_for_solid(vertices[caps], float(mesh.area), intact):
        return None
    solid = _manifold(vertices, np.vstack([mesh.faces, caps]), first_id=0)
    if solid is None:
        return None
    tool = _manifold(body.vertices, body.faces, first_id=len(mesh.faces) + len(caps))
    assert tool is not None, "a cutter is closed by construction"
    rest = solid - tool
    if not 0 <= rest.volume() <= solid.volume():
        return None
    pieces = []
    for part in rest.decompose():
        raw = part.to_mesh64()
        faces, source = np.asarray(raw.tri_verts, dtype=np.int64), np.asarray(raw.face_id)
        left = make_mesh(np.asarray(raw.vert_properties)[:, :3], faces)
        kept_area = float(left.area_faces[source < len(mesh.faces)].sum())
        is_cap = (source >= len(mesh.faces)) & (source < len(mesh.faces) + len(caps))
        volume = None if len(caps) else float(part.volume())
        if kept_area > 0:
            pieces.append(Piece(submesh(left, faces[~is_cap]), piece.part_id, piece.component, kept_area, volume))
    if len(caps):
        return Cut(tuple(pieces), "capped boolean", None)
    return Cut(tuple(pieces), "boolean", float(solid.volume()))


def _manifold(vertices: NDArray[np.float64], faces: NDArray[np.int64], first_id: int) -> manifold3d.Manifold | None:
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


def _stands_for_solid(caps: NDArray[np.float64], area: float, intact: Soup) -> bool:
    """Whether the holes that ``caps`` (k, 3, 3) close are small, or hidden from every camera."""
    areas = triangle_areas(caps)
    if areas.sum() <= MAX_CAP_SHARE * area:
        return True
    return bool(areas @ exposed(caps.mean(axis=1), intact) <= MAX_EXPOSED_CAP * areas.sum())


def _clip(piece: Piece, cutter: Cutter, body: trimesh.Trimesh) -> Cut:
    """Keep what lies outside the cutter, refining the triangles that it may meet."""
    low, high = body.bounds

    def near(triangles: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(((triangles.min(axis=1) <= high) & (triangles.max(axis=1) >= low)).all(axis=1))

    size = CLIP_DETAIL * float(np.linalg.norm(cutter.axes, axis=0).max())
    vertices, faces = refine(np.asarray(piece.mesh.vertices), np.asarray(piece.mesh.faces), near, size)
    triangles = clip_triangles(vertices[faces], cutter.gauge(vertices)[faces] - 1)
    left = make_mesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3))
    left.merge_vertices()
    left.update_faces(left.nondegenerate_faces())
    pieces = (Piece(m, piece.part_id, piece.component, float(m.area), None) for m in split(left))
    return Cut(tuple(pieces), "clip", None)

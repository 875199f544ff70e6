"""Where the surface of a changed part comes from, so that it keeps its texture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from pipeline.connectivity import face_components

#: A face whose centre is this near a face of the intact part, in object radii, lies on it.
NEAR = 2e-4
#: ... unless they meet at a larger angle than this one (its cosine).
SAME_DIRECTION = 0.9


@dataclass(frozen=True)
class IntactSurface:
    """The intact part under a changed one.

    faces: (m,) int32, the face of the intact part that every face lies on, or -1 where it was inside: there the part
    was cut. corners: (m, 3, 3), where the corners of every face then were.
    """

    faces: NDArray[np.int32]
    corners: NDArray[np.float64]


def find_intact_surface(
    intact: trimesh.Trimesh, changed: trimesh.Trimesh, parameters: Mapping[str, Any], cuts: bool
) -> IntactSurface | None:
    """What lies under a part that was moved as it is, or that was cut (``cuts``); None where it is another surface.

    parameters: the anomaly's; a ``rotation`` (3, 3) with a ``translation`` (3,) moved pieces of the cut part.
    """
    if _is_same_solid(intact, changed):
        return IntactSurface(np.arange(len(intact.faces), dtype=np.int32), np.asarray(intact.triangles))
    if not cuts:
        return None
    corners = np.array(changed.triangles)
    faces = _faces_under(intact, corners)
    if "rotation" in parameters and "translation" in parameters:
        before = (corners - np.array(parameters["translation"])) @ np.array(parameters["rotation"])
        under_before = _faces_under(intact, before)
        # By piece: one that slid along the part's surface still lies on it in part.
        piece = face_components(changed.faces)
        on_it = np.bincount(piece, changed.area_faces * (faces >= 0))
        was_on_it = np.bincount(piece, changed.area_faces * (under_before >= 0))
        moved = (was_on_it > on_it)[piece]
        corners[moved], faces[moved] = before[moved], under_before[moved]
    return IntactSurface(faces, corners)


def _is_same_solid(intact: trimesh.Trimesh, changed: trimesh.Trimesh) -> bool:
    """Whether one is the other, moved and turned at most."""
    if len(intact.vertices) != len(changed.vertices) or not np.array_equal(intact.faces, changed.faces):
        return False
    edges = (np.diff(mesh.triangles[:, [0, 1, 2, 0]], axis=1) for mesh in (intact, changed))
    before, after = (np.linalg.norm(e, axis=2) for e in edges)
    return bool(np.abs(before - after).max() <= NEAR)


def _faces_under(intact: trimesh.Trimesh, corners: NDArray[np.float64]) -> NDArray[np.int32]:
    """(m,) face of ``intact`` on which triangles (m, 3, 3) lie, or -1."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    scene = EmbreeScene(robust=True)
    TriangleMesh(scene, np.asarray(intact.vertices, dtype=np.float32), np.asarray(intact.faces, dtype=np.int32))
    start = (corners.mean(axis=1) + NEAR * normals).astype(np.float32)
    hit = scene.run(start, (-normals).astype(np.float32), output=1)
    faces = np.asarray(hit["primID"], dtype=np.int32)
    aligned = np.abs((np.asarray(intact.face_normals)[faces] * normals).sum(axis=1)) >= SAME_DIRECTION
    near = np.asarray(hit["tfar"]) <= 2 * NEAR
    return np.where((faces >= 0) & aligned & near, faces, -1).astype(np.int32)

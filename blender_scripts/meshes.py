"""Part meshes in Blender: built from arrays, smooth where they curve, unwrapped by Smart UV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from blender_scripts.normals import corner_normals
from blender_scripts.unwrapping import inherit, lay_out

#: Smart UV: faces whose normals differ by more start another island; islands keep this distance.
UV_ANGLE = math.radians(66)
UV_MARGIN = 0.005
#: Material slots of every part.
OUTSIDE, INSIDE = 0, 1


@dataclass(frozen=True)
class PartMesh:
    """A part's mesh as the job file has it: Y-up world.

    vertices: (n, 3); faces: (m, 3); origin: (m,) face of the intact part under every face, or -1 where the part was
    cut, None where it has nothing of the intact one; corners: (m, 3, 3), where the faces then were.
    """

    vertices: np.ndarray
    faces: np.ndarray
    origin: np.ndarray | None
    corners: np.ndarray | None

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray], name: str) -> PartMesh:
        origin, corners = (arrays.get(f"{name}/{key}") for key in ("origin", "corners"))
        return cls(arrays[f"{name}/vertices"], arrays[f"{name}/faces"], origin, corners)


class Unwrapped:
    """The meshes of a job and their UVs in object units, each made when first asked for.

    origins: name of a changed part's mesh -> name of the intact one's.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], origins: Mapping[str, str]) -> None:
        names = sorted({key.rpartition("/")[0] for key in arrays})
        self.meshes = {name: PartMesh.read(arrays, name) for name in names}
        self._origins = origins
        self._uv: dict[str, np.ndarray] = {}

    def uv(self, name: str) -> np.ndarray:
        """(m, 3, 2) UVs of a mesh; unchanged and rigidly moved surface has the same as on the intact part."""
        if name not in self._uv:
            self._uv[name] = self._make(name)
        return self._uv[name]

    def _make(self, name: str) -> np.ndarray:
        mesh = self.meshes[name]
        if mesh.origin is None or mesh.corners is None:
            return _unwrap(mesh)
        intact = self.meshes[self._origins[name]]
        own = _unwrap(mesh) if (mesh.origin < 0).any() else np.zeros((len(mesh.faces), 3, 2))
        uv = self.uv(self._origins[name])
        return inherit(mesh.origin, mesh.corners, intact.vertices[intact.faces], uv, own)


def to_blender(vertices: np.ndarray) -> np.ndarray:
    """(n, 3) from the project's Y-up world into Blender's Z-up world: (x, y, z) -> (x, -z, y)."""
    return np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)


def add_mesh(name: str, mesh: PartMesh, uv: np.ndarray) -> Any:
    """Add an object with a material slot for its outside and one for cut faces; hidden until a variant shows it.

    Shading needs every corner to have its own normal, which Cycles takes only where corners do not share a
    vertex: the mesh that is drawn has three vertices a face.
    """
    points, faces = to_blender(mesh.vertices), mesh.faces
    obj = _object(name, points[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3))
    data = obj.data
    data.polygons.foreach_set("use_smooth", np.ones(len(data.polygons), dtype=bool))
    data.normals_split_custom_set(corner_normals(points, faces).tolist())
    data.uv_layers.new().data.foreach_set("uv", uv.astype(np.float32).ravel())
    data.materials.append(None)
    data.materials.append(None)
    if mesh.origin is not None:
        data.polygons.foreach_set("material_index", np.where(mesh.origin < 0, INSIDE, OUTSIDE).astype(np.int32))
    obj.hide_render = True
    return obj


def _object(name: str, points: np.ndarray, faces: np.ndarray) -> Any:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces.tolist())
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _unwrap(mesh: PartMesh) -> np.ndarray:
    """(m, 3, 2) UVs: islands by Smart UV projection of the connected mesh, laid out in object units."""
    obj = _object("unwrapped", to_blender(mesh.vertices), mesh.faces)
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.uv.smart_project(angle_limit=UV_ANGLE, island_margin=UV_MARGIN)
    bpy.ops.object.mode_set(mode="OBJECT")
    uv = np.empty(len(obj.data.loops) * 2, dtype=np.float32)
    obj.data.uv_layers.active.data.foreach_get("uv", uv)
    bpy.data.meshes.remove(obj.data)
    return lay_out(mesh.vertices, mesh.faces, uv.reshape(-1, 3, 2).astype(np.float64))

"""Part meshes in Blender: built from arrays, smooth where they curve, unwrapped by Smart UV."""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np

from blender_scripts.normals import corner_normals

#: Smart UV: faces whose normals differ by more start another island; islands keep this distance.
UV_ANGLE = math.radians(66)
UV_MARGIN = 0.005


def to_blender(vertices: np.ndarray) -> np.ndarray:
    """(n, 3) from the project's Y-up world into Blender's Z-up world: (x, y, z) -> (x, -z, y)."""
    return np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)


def add_mesh(name: str, vertices: np.ndarray, faces: np.ndarray) -> Any:
    """Add an object with one material slot and UVs in object units; hidden until a variant shows it.

    Unwrapping needs the faces connected; shading needs every corner to have its own normal, which
    Cycles takes only where corners do not share a vertex. So a connected mesh is unwrapped, and a
    mesh with three vertices a face is drawn.
    """
    points = to_blender(vertices)
    connected = _object(f"{name} connected", points, faces)
    uv = _unwrap(connected)
    bpy.data.meshes.remove(connected.data)
    obj = _object(name, points[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3))
    mesh = obj.data
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    mesh.normals_split_custom_set(corner_normals(points, faces).tolist())
    mesh.uv_layers.new().data.foreach_set("uv", uv.ravel())
    mesh.materials.append(None)
    obj.hide_render = True
    return obj


def _object(name: str, points: np.ndarray, faces: np.ndarray) -> Any:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces.tolist())
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _unwrap(obj: Any) -> np.ndarray:
    """(3 m, 2) float32 UVs by Smart UV projection, scaled so that one UV unit is one object unit of surface.

    Smart UV packs every part into the unit square; without the scaling a bolt and a sofa back would
    show the same number of threads.
    """
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.uv.smart_project(angle_limit=UV_ANGLE, island_margin=UV_MARGIN)
    bpy.ops.object.mode_set(mode="OBJECT")
    mesh = obj.data
    uv = np.empty(len(mesh.loops) * 2, dtype=np.float32)
    mesh.uv_layers.active.data.foreach_get("uv", uv)
    corners = uv.reshape(-1, 3, 2).astype(np.float64)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    uv_area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2
    areas = np.empty(len(mesh.polygons), dtype=np.float32)
    mesh.polygons.foreach_get("area", areas)
    scale = math.sqrt(float(areas.sum()) / uv_area) if uv_area > 0 else 1.0
    return uv.reshape(-1, 2) * np.float32(scale)

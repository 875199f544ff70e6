"""Random scenes in every format, to measure importers by: ``python -P -m blender_scripts.exported_scenes FOLDER SEED``.

Writes ``scene.<suffix>`` in every format, and ``truth.npz``: of every object ``<name>/vertices`` in the world, +Y up
and in metres, ``<name>/faces`` and ``<name>/parent``. It is computed from the numbers that made the scene, not by
Blender.

The objects are triangles but for ``polygons``. ``mirrored`` hangs under a turned, scaled ``frame``, and is mirrored;
``twin_a`` and ``twin_b`` share a mesh; ``morphed`` shows a shape key by half; ``skinned`` follows a bone; ``polygons``
is a prism over a concave polygon; ``moved`` stands where it is in the first frame, which is not the frame shown.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
NOTCH = [(0, 0), (3, 0), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3)]
FIRST, LAST = 10, 20

EXPORTS: dict[str, Callable[[str], object]] = {
    "glb": lambda file: bpy.ops.export_scene.gltf(filepath=file, export_rest_position_armature=False),
    "gltf": lambda file: bpy.ops.export_scene.gltf(
        filepath=file, export_format="GLTF_SEPARATE", export_rest_position_armature=False
    ),
    "obj": lambda file: bpy.ops.wm.obj_export(filepath=file, export_triangulated_mesh=False),
    "ply": lambda file: bpy.ops.wm.ply_export(filepath=file, forward_axis="NEGATIVE_Z", up_axis="Y"),
    "stl": lambda file: bpy.ops.wm.stl_export(filepath=file, forward_axis="NEGATIVE_Z", up_axis="Y"),
    "fbx": lambda file: bpy.ops.export_scene.fbx(filepath=file, add_leaf_bones=False),
    "usdc": lambda file: bpy.ops.wm.usd_export(filepath=file, export_animation=True, export_armatures=True),
    # Another axis and another unit than Blender's own.
    "usda": lambda file: bpy.ops.wm.usd_export(
        filepath=file,
        export_animation=True,
        convert_orientation=True,
        export_global_up_selection="Y",
        export_global_forward_selection="NEGATIVE_Z",
        convert_scene_units="CENTIMETERS",
    ),
    "abc": lambda file: bpy.ops.wm.alembic_export(filepath=file, start=FIRST, end=LAST, as_background_job=False),
    "blend": lambda file: bpy.ops.wm.save_as_mainfile(filepath=file),
}


class Scene:
    """A scene in the making, and the truth about it."""

    def __init__(self, seed: int) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.random = np.random.default_rng(seed)
        self.truth: dict[str, np.ndarray] = {}

    def transform(self) -> tuple[np.ndarray, tuple[float, float, float], tuple[float, float, float], float]:
        """A matrix, and the location, angles and scale that it is made of."""
        location, angles = self.random.uniform(-3, 3, 3), self.random.uniform(-math.pi, math.pi, 3)
        scale = float(self.random.uniform(0.5, 2))
        turns = [_turn(axis, angle) for axis, angle in enumerate(angles)]
        matrix = np.eye(4)
        matrix[:3, :3] = turns[2] @ turns[1] @ turns[0] * scale
        matrix[:3, 3] = location
        return matrix, tuple(location), tuple(angles), scale

    def solid(self) -> tuple[np.ndarray, np.ndarray]:
        """A random tetrahedron-like fan of triangles around an axis, none of them alike."""
        around = int(self.random.integers(4, 9))
        angles = np.arange(around) * 2 * math.pi / around
        radii = self.random.uniform(0.5, 1.5, around)
        ring = np.stack([radii * np.cos(angles), radii * np.sin(angles), self.random.uniform(-0.2, 0.2, around)], 1)
        vertices = np.concatenate([ring, [[0, 0, 1.3], [0.1, 0, -0.9]]])
        edge = [(i, (i + 1) % around) for i in range(around)]
        faces = [(a, b, around) for a, b in edge] + [(b, a, around + 1) for a, b in edge]
        return vertices.astype(np.float32).astype(np.float64), np.array(faces)

    def place(self, name: str, data: Any, parent: Any = None, mirror: bool = False) -> tuple[Any, np.ndarray]:
        matrix, location, angles, scale = self.transform()
        item = bpy.data.objects.new(name, data)
        bpy.context.scene.collection.objects.link(item)
        item.location, item.rotation_euler, item.parent = location, angles, parent
        item.scale = (-scale if mirror else scale, scale, scale)
        return item, matrix @ np.diag([-1.0 if mirror else 1.0, 1, 1, 1])

    def note(self, name: str, vertices: np.ndarray, faces: np.ndarray, matrix: np.ndarray, parent: str = "") -> None:
        world = vertices @ matrix[:3, :3].T + matrix[:3, 3]
        self.truth[f"{name}/vertices"] = world @ TO_Y_UP.T
        self.truth[f"{name}/faces"] = faces[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else faces
        self.truth[f"{name}/parent"] = np.array(parent)


def build(seed: int) -> dict[str, np.ndarray]:
    """Make the scene and return the truth."""
    scene = Scene(seed)
    frame, frame_matrix = scene.place("frame", None)
    vertices, faces = scene.solid()
    _, matrix = scene.place("mirrored", _mesh("one", vertices, faces), frame, mirror=True)
    scene.note("mirrored", vertices, faces, frame_matrix @ matrix, "frame")
    vertices, faces = scene.solid()
    shared = _mesh("shared", vertices, faces)
    for name in ("twin_a", "twin_b"):
        _, matrix = scene.place(name, shared)
        scene.note(name, vertices, faces, matrix)
    _add_morphed(scene)
    _add_skinned(scene)
    _add_polygons(scene)
    _add_moved(scene)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = FIRST, LAST
    bpy.context.scene.frame_set(LAST)
    return scene.truth


def _add_morphed(scene: Scene) -> None:
    vertices, faces = scene.solid()
    item, matrix = scene.place("morphed", _mesh("morphed", vertices, faces))
    item.shape_key_add(name="Basis")
    other = (vertices + scene.random.uniform(-0.3, 0.3, vertices.shape)).astype(np.float32).astype(np.float64)
    key = item.shape_key_add(name="other")
    key.data.foreach_set("co", other.ravel())
    key.value = 0.5
    scene.note("morphed", (vertices + other) / 2, faces, matrix)


def _add_skinned(scene: Scene) -> None:
    """All vertices follow one bone, which is moved up by 2 in the armature's space."""
    armature = bpy.data.armatures.new("bones")
    rig, matrix = scene.place("rig", armature)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = armature.edit_bones.new("bone")
    bone.head, bone.tail = (0, 0, 0), (0, 0, 1)
    bpy.ops.object.mode_set(mode="POSE")
    rig.pose.bones["bone"].location = (0, 2, 0)  # along the bone
    bpy.ops.object.mode_set(mode="OBJECT")
    vertices, faces = scene.solid()
    item = bpy.data.objects.new("skinned", _mesh("skinned", vertices, faces))
    bpy.context.scene.collection.objects.link(item)
    item.parent = rig
    item.vertex_groups.new(name="bone").add(range(len(vertices)), 1.0, "REPLACE")
    item.modifiers.new("Armature", "ARMATURE").object = rig
    scene.note("skinned", vertices + np.array([0, 0, 2]), faces, matrix, "rig")


def _add_polygons(scene: Scene) -> None:
    """The notched prism's truth is a triangulation; only its surface is to be compared."""
    count = len(NOTCH)
    vertices = np.array([(*point, height) for height in (0, 1) for point in NOTCH], dtype=np.float64)
    sides = [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
    polygons = [tuple(range(count))[::-1], tuple(range(count, 2 * count)), *sides]
    caps = [(0, 1, 4), (0, 4, 5), (1, 2, 3), (1, 3, 4), (0, 5, 6), (0, 6, 7)]
    triangles = [(c, b, a) for a, b, c in caps] + [(a + count, b + count, c + count) for a, b, c in caps]
    triangles += [triangle for a, b, c, d in sides for triangle in ((a, b, c), (a, c, d))]
    _, matrix = scene.place("polygons", _mesh("polygons", vertices, polygons))
    scene.note("polygons", vertices, np.array(triangles), matrix)


def _add_moved(scene: Scene) -> None:
    vertices, faces = scene.solid()
    item, matrix = scene.place("moved", _mesh("moved", vertices, faces))
    item.keyframe_insert("location", frame=FIRST)
    item.location = (9, 9, 9)
    item.keyframe_insert("location", frame=LAST)
    scene.note("moved", vertices, faces, matrix)


def _mesh(name: str, vertices: np.ndarray, faces: Iterable[Sequence[int]]) -> Any:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], [tuple(map(int, face)) for face in faces])
    return mesh


def _turn(axis: int, angle: float) -> np.ndarray:
    turn, (a, b) = np.eye(3), ((1, 2), (2, 0), (0, 1))[axis]
    turn[a, a] = turn[b, b] = math.cos(angle)
    turn[b, a], turn[a, b] = math.sin(angle), -math.sin(angle)
    return turn


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    np.savez(folder / "truth.npz", **build(int(sys.argv[2])))
    for suffix, export in EXPORTS.items():
        export(str(folder / f"scene.{suffix}"))

"""Read a mesh file by Blender's own importers: ``python -P -m blender_scripts.importing REQUEST.json > ANSWER``.

The request holds ``file``, ``arrays`` (the .npz to write), ``max_faces``, and ``memory_bytes`` and ``seconds``, which
this process may take beyond what Blender takes by itself. No script that a file holds is run. The answer is one line
of JSON: either ``refused``, a reason and a text, or ``meshes`` and ``notes``, what was left out. Of each mesh
``meshes`` has the path: the names from the root of the file's tree to its own. The archive has
``<number>/vertices`` (n, 3) float64 and ``<number>/faces`` (m, 3) int32 of each, where the file places it, turned to
+Y up (``TO_Y_UP``).

What is read is what Blender would render of the file, at its first frame: skins, morphs and modifiers applied,
instances as meshes of their own, polygons cut into triangles. Lengths are metres where the format knows them.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from io_scene_gltf2.io.imp.gltf2_io_binary import BinaryData
from scipy.spatial import cKDTree

from blender_scripts.gltf_skins import skinned_vertices
from pipeline.processes import end_with_parent

#: From Blender's frame, +Z up and front -Y, to +Y up and front +Z.
TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
#: What may have a surface. Text, curves, surfaces and metaballs Blender also lists as the mesh that they come to.
SURFACES = ("MESH", "CURVE", "SURFACE", "FONT", "META")
#: In radii: how far a skinned vertex may lie from where the file's numbers put it.
SKIN_TOLERANCE = 1e-4


class Refused(Exception):
    """A file that cannot be used; ``reason`` is a slug, the text follows the file's name."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass
class Meshes:
    """What is in the scene: paths of names, and arrays under the names of the archive."""

    paths: list[list[str]] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def _gltf(file: str) -> None:
    BinaryData.decode_accessor = staticmethod(_finite(BinaryData.decode_accessor))
    bpy.ops.import_scene.gltf(filepath=file, disable_bone_shape=True)


def _finite(decode: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """The decoder of accessors, but refusing numbers that are not finite, which the importer would put to zero."""

    def checked(*arguments: Any, **options: Any) -> np.ndarray:
        values = decode(*arguments, **options)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"a vertex has the coordinate or weight {values[~np.isfinite(values)][0]}")
        return values

    return checked


def _obj(file: str) -> None:
    bpy.ops.wm.obj_import(filepath=file, use_split_groups=True, validate_meshes=False)


def _ply(file: str) -> None:
    bpy.ops.wm.ply_import(filepath=file, forward_axis="NEGATIVE_Z", up_axis="Y", import_attributes=False)


def _stl(file: str) -> None:
    bpy.ops.wm.stl_import(filepath=file, forward_axis="NEGATIVE_Z", up_axis="Y", use_mesh_validate=False)


def _fbx(file: str) -> None:
    bpy.ops.wm.fbx_import(filepath=file, validate_meshes=False)


def _usd(file: str) -> None:
    bpy.ops.wm.usd_import(
        filepath=file,
        import_materials=False,
        import_textures_mode="IMPORT_NONE",
        create_world_material=False,
        import_cameras=False,
        import_lights=False,
        import_volumes=False,
        merge_parent_xform=False,
    )


def _alembic(file: str) -> None:
    bpy.ops.wm.alembic_import(filepath=file, as_background_job=False)


def _blend(file: str) -> list[str]:
    """Append the file's scene: opening the file would evaluate its scripted drivers, which wait for ever here."""
    with bpy.data.libraries.load(file) as (there, here):
        if len(there.scenes) != 1:
            names = ", ".join(map(repr, there.scenes)) or "no scene"
            raise Refused("unreadable-mesh", f"holds {names}; save the one that is meant in a file of its own")
        here.scenes = there.scenes
    scripted = _scripted_drivers()
    for driver in scripted:
        driver.id_data.animation_data.drivers.remove(driver)
    [bpy.context.window.scene] = here.scenes
    return [f"{len(scripted)} scripted drivers, which were not run"] if scripted else []


def _scripted_drivers() -> list[Any]:
    """Drivers that need Python; sums and products of properties do not."""
    collections = (item for item in bpy.data.bl_rna.properties if item.type == "COLLECTION")
    animated = (entry for item in collections for entry in getattr(bpy.data, item.identifier))
    data = (getattr(entry, "animation_data", None) for entry in animated)
    drivers = (curve for entry in data if entry is not None for curve in entry.drivers)
    return [curve for curve in drivers if curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression]


IMPORTERS: dict[str, Callable[[str], list[str] | None]] = {
    ".glb": _gltf,
    ".gltf": _gltf,
    ".obj": _obj,
    ".ply": _ply,
    ".stl": _stl,
    ".fbx": _fbx,
    ".usd": _usd,
    ".usda": _usd,
    ".usdc": _usd,
    ".usdz": _usd,
    ".abc": _alembic,
    ".blend": _blend,
}


def load(file: Path) -> list[str]:
    """Make the file's content the scene, at its first frame, and return what was left out. Raises Refused."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        notes = IMPORTERS[file.suffix.lower()](str(file)) or []
    except (RuntimeError, OSError) as error:  # operators report all their errors as RuntimeError
        if "MemoryError" in str(error):
            raise MemoryError from error
        raise Refused("unreadable-mesh", f"cannot be read by Blender: {_said(error)}; export it again") from error
    _check_meshes()
    missing = [item.name for kind in (bpy.data.objects, bpy.data.meshes) for item in kind if item.is_missing]
    if missing:
        raise Refused("missing-file", f"links to {missing[0]!r} in a file that is missing; put it back, or append it")
    scene = bpy.context.scene
    starts = [action.frame_range[0] for action in bpy.data.actions if action.fcurves]
    in_file = file.suffix.lower() not in (".blend", ".abc") and starts
    scene.frame_set(int(np.floor(min(starts))) if in_file else scene.frame_start)
    return notes


def _check_meshes() -> None:
    """Raise Refused for corners that are not there or not finite.

    Blender's own validation would move or drop these without a word, and with them polygons that visit a vertex twice.
    """
    for mesh in bpy.data.meshes:
        vertices = np.empty((len(mesh.vertices), 3), dtype=np.float32)
        mesh.vertices.foreach_get("co", vertices.ravel())
        corners = np.empty(len(mesh.loops), dtype=np.int32)
        mesh.loops.foreach_get("vertex_index", corners)
        if len(corners) and not 0 <= corners.min() <= corners.max() < len(vertices):
            beyond = corners.max() if corners.max() >= len(vertices) else corners.min()
            text = f"has a face of {mesh.name!r} that names vertex {beyond} of {len(vertices)}; export it again"
            raise Refused("unreadable-mesh", text)
        bad = ~np.isfinite(vertices[corners])
        if bad.any():
            coordinate = vertices[corners][bad][0]
            raise Refused("non-finite-vertex", f"has a triangle with the coordinate {coordinate}; export it again")


def show_what_renders() -> int:
    """Have objects and modifiers evaluated as they render. Returns how many objects are hidden from rendering."""
    for collection in bpy.data.collections:
        collection.hide_viewport = collection.hide_render
    for layer in _layers(bpy.context.view_layer.layer_collection):
        layer.hide_viewport = False
    hidden = 0
    for item in bpy.context.view_layer.objects:
        for modifier in item.modifiers:
            modifier.show_viewport = modifier.show_render
            if hasattr(modifier, "render_levels"):
                modifier.levels = modifier.render_levels
        item.hide_set(False)
        item.hide_viewport = item.hide_render
        hidden += item.hide_render and item.type in SURFACES
    return hidden


def collect(max_faces: int) -> Meshes:
    """Triangles of everything with a surface, in the scene's order. Raises Refused."""
    graph = bpy.context.evaluated_depsgraph_get()
    order = {item.name: number for number, item in enumerate(bpy.context.scene.objects)}
    found: list[tuple[int, list[str], np.ndarray, np.ndarray]] = []
    faces = 0
    for instance in graph.object_instances:
        item = instance.object
        if item.type != "MESH" or not instance.show_self:
            continue
        vertices, triangles = _triangles(item, np.array(instance.matrix_world, dtype=np.float64))
        faces += len(triangles)
        if faces > max_faces:
            raise Refused("too-many-faces", f"has more than {max_faces} triangles")
        if len(triangles):
            placed_by = instance.parent.original if instance.is_instance else None
            place = order.get((placed_by or item.original).name, len(order))
            found.append((place, _path(item.original, placed_by), vertices, triangles))
    meshes = Meshes()
    for number, (_, path, vertices, triangles) in enumerate(sorted(found, key=lambda entry: entry[0])):
        meshes.paths.append(path)
        meshes.arrays[f"{number}/vertices"] = vertices @ TO_Y_UP.T * bpy.context.scene.unit_settings.scale_length
        meshes.arrays[f"{number}/faces"] = triangles
    return meshes


def check_skins(file: str, meshes: Meshes) -> None:
    """Raise Refused where Blender bends a glTF file's skin otherwise than the format says."""
    bent = [(name, vertices) for name, vertices in skinned_vertices(file) if len(vertices)]
    if not bent or not meshes.paths:
        return
    found = np.concatenate([array for name, array in meshes.arrays.items() if name.endswith("/vertices")])
    near, radius = cKDTree(found), np.linalg.norm(np.ptp(found, axis=0)) / 2
    for name, vertices in bent:
        distance = np.max(near.query(vertices)[0])
        if not distance <= SKIN_TOLERANCE * radius:
            text = f"has the skinned mesh {name!r} whose bind pose Blender would bend; export it with its pose applied"
            raise Refused("unreadable-mesh", text)


def _triangles(item: Any, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World vertices (n, 3) and triangles (m, 3), facing as they do in the scene: a mirror turns them over."""
    mesh = item.to_mesh()
    if mesh is None:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int32)
    mesh.calc_loop_triangles()
    vertices = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    mesh.vertices.foreach_get("co", vertices.ravel())
    triangles = np.empty((len(mesh.loop_triangles), 3), dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles.ravel())
    item.to_mesh_clear()
    placed = vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return placed, triangles[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else triangles


def _path(item: Any, placed_by: Any | None) -> list[str]:
    """Names from the root to the object; of an instance, through what places it."""
    names = [item.name]
    # The mesh of a curve counts as placed by the curve.
    parent = item.parent if placed_by is None or placed_by.name == item.name else placed_by
    while parent is not None:
        names.append(parent.name)
        parent = parent.parent
    return names[::-1]


def _layers(layer: Any) -> Iterator[Any]:
    yield layer
    for child in layer.children:
        yield from _layers(child)


def _said(error: Exception) -> str:
    """The last thing that an operator says of an error: of its traceback not where, but what."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Location:")]
    return told[-1].removeprefix("Error: ") if told else "it gives no reason"


def _limit(memory_bytes: int, seconds: float) -> None:
    """What a file makes Blender ask for beyond these ends this process, and no other.

    Who started it watches the clock. The limit on processor time, which all cores take from, is for where that is gone.
    """
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    processor = int(seconds * (os.cpu_count() or 1)) + 1
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory_bytes, taken + memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Read the request's file and write its meshes."""
    try:
        notes = load(Path(request["file"]))
        hidden = show_what_renders()
        meshes = collect(request["max_faces"])
        if request["file"].lower().endswith((".glb", ".gltf")):
            check_skins(request["file"], meshes)
    except Refused as refusal:
        return {"refused": {"reason": refusal.reason, "text": str(refusal)}}
    np.savez(request["arrays"], **meshes.arrays)
    notes += [f"{hidden} objects hidden from rendering"] if hidden else []
    return {"meshes": meshes.paths, "notes": notes}


if __name__ == "__main__":
    end_with_parent()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Blender talks to standard output
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _limit(asked["memory_bytes"], asked["seconds"])
    with out:
        json.dump(answer(asked), out)

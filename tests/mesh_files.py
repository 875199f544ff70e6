"""Two cubes as every kind of mesh file that a user may have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from pipeline.shapes.shape import Part, Shape
from pipeline.shapes.storage import as_stored
from tests.partnet_files import box, mesh_text, obj_text

#: A body of edge 2, and a knob of edge 0.5 on top of it, nearer the front than the back.
BODY = box((10.0, 0.0, 0.0), (2.0, 2.0, 2.0))
KNOB = box((10.0, 1.25, 0.5), (0.5, 0.5, 0.5))
#: The middle of the box around both, and the distance from there to the body's lower corners.
CENTRE, RADIUS = np.array([10.0, 0.25, 0.0]), np.sqrt(1 + 1.25**2 + 1)
#: Formats that keep the cubes apart, and formats that do not.
OF_TWO, OF_ONE = ("glb", "gltf", "obj"), ("ply", "stl")


def cubes_shape(name: str = "cubes") -> Shape:
    """What reading the cubes as two parts must give."""
    parts = []
    for number, (label, mesh) in enumerate((("body", BODY), ("knob", KNOB)), 1):
        framed = trimesh.Trimesh((mesh.vertices - CENTRE) / RADIUS, mesh.faces, process=False)
        parts.append(Part(number, label, 0, (0, number), as_stored(framed)))
    return Shape(name, "", "", tuple(parts))


def write_cubes(folder: Path, suffix: str) -> Path:
    """Write ``cubes.<suffix>``; as glTF one unit cube that two nodes place, as OBJ with an .mtl that is not there."""
    path = folder / f"cubes.{suffix}"
    if suffix == "obj":
        path.write_text("mtllib nowhere.mtl\n" + obj_objects({"body": BODY, "knob": KNOB}))
    elif suffix in OF_TWO:
        scene = trimesh.Scene()
        scene.add_geometry(box((0, 0, 0), (1, 1, 1)), geom_name="cube", node_name="body", transform=_place(BODY))
        scene.graph.update(frame_to="knob", geometry="cube", matrix=_place(KNOB))
        scene.export(path) if suffix == "glb" else write_gltf(scene, path)
    else:
        trimesh.util.concatenate([BODY, KNOB]).export(path)
    return path


def write_gltf(scene: trimesh.Scene, path: Path) -> None:
    """Write a ``.gltf`` with its buffers beside it."""
    for name, content in scene.export(file_type="gltf", merge_buffers=True).items():
        (path if name == "model.gltf" else path.with_name(name)).write_bytes(content)


def obj_objects(meshes: dict[str, trimesh.Trimesh]) -> str:
    """An OBJ file with an object, in a material, for each mesh."""
    lines, first = [], 0
    for name, mesh in meshes.items():
        vertices, faces = obj_text(mesh.vertices, np.zeros((0, 3))), obj_text(np.zeros((0, 3)), mesh.faces + first)
        lines += [f"o {name}\n", vertices, f"usemtl paint\n{faces}"]
        first += len(mesh.vertices)
    return "".join(lines)


def z_up(mesh: trimesh.Trimesh) -> str:
    """The mesh as an OBJ file with +Z up and the front toward -Y."""
    x, y, z = mesh.vertices.T
    return mesh_text(trimesh.Trimesh(np.stack([x, -z, y], axis=1), mesh.faces, process=False))


def _place(cube: trimesh.Trimesh) -> np.ndarray:
    """The transform that makes the unit cube this one."""
    transform = np.diag([*cube.extents, 1.0])
    transform[:3, 3] = cube.bounds.mean(axis=0)
    return transform

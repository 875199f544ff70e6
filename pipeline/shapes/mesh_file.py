"""Reading one mesh file (GLB, glTF, OBJ, PLY, STL), from whatever program, and a whole shape from such a file alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import trimesh

from pipeline.config import ShapesConfig
from pipeline.errors import UnitRejected
from pipeline.shapes.mending import mend
from pipeline.shapes.normalising import to_unit_frame
from pipeline.shapes.shape import Part, Shape, make_mesh
from pipeline.shapes.storage import as_stored

#: Suffixes of what ``load_meshes`` reads.
SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
#: The axis of a file that points up.
Up = Literal["y", "z"]
#: From a file's axes to ours: of a Z-up file -Y is the front, as in Blender.
TURNS = {"y": np.eye(3), "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])}
#: glTF extensions that store vertices in a way which trimesh would misread without a word.
PACKINGS = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization"}
#: Part ids are uint16, and Blender's index pass needs the last for its background.
MAX_PARTS = 2**16 - 2


def read_mesh(path: Path, up: Up, config: ShapesConfig) -> Shape:
    """The file's meshes as the parts of a mended shape in the unit frame, its vertices exact in float32.

    Every mesh that the file places is a part, named as there; the file's name without suffix is the shape's id.
    ``config.merge_distance`` is in object radii here, for a file may be in any unit. Raises UnitRejected,
    with the file, the value and the way out, for a file that is no such mesh or has too many triangles.
    """
    named = load_meshes(path)
    _check(path, [mesh for _, mesh in named], config)
    turned = [make_mesh(mesh.vertices @ TURNS[up].T, mesh.faces) for _, mesh in named]
    mended = [mend(mesh, config.merge_distance) for mesh in _unit_frame(path, turned)]
    kept = [(name, item) for (name, _), item in zip(named, mended, strict=True) if len(item.mesh.faces)]
    if not kept:
        raise UnitRejected("zero-face-mesh", f"{path} has only zero-area triangles; export it again")
    meshes = _unit_frame(path, [item.mesh for _, item in kept])
    parts = tuple(
        Part(number, name, 0, (0, number), as_stored(mesh), mending=_notes(item.counts))
        for number, ((name, item), mesh) in enumerate(zip(kept, meshes, strict=True), 1)
    )
    total = sum((item.counts for item in mended), Counter({"meshes without area": len(mended) - len(kept)}))
    return Shape(path.stem, "", "", parts, _notes(total))


def load_meshes(path: Path) -> list[tuple[str, trimesh.Trimesh]]:
    """Names, each once, and triangles of all meshes in the file, in its order and its own axes and units.

    Nodes of a glTF scene, objects and groups of an OBJ file; one mesh of a PLY or STL file. Scene transforms are
    applied; materials are not looked for. No mesh is empty and no triangle has a corner that is not finite.
    Raises UnitRejected.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnitRejected("unknown-format", f"{path}: {suffix or 'no suffix'!r} is none of {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UnitRejected("missing-file", f"{path} is missing")
    _refuse_what_would_be_misread(path, suffix)
    try:
        scene = trimesh.load_scene(
            path,
            process=False,
            skip_materials=True,
            group_material=False,
            split_objects=True,
            split_groups=True,
        )
        meshes = [(name, mesh) for name in scene.graph.nodes_geometry if (mesh := _placed(scene, name)) is not None]
    except FileNotFoundError as error:
        message = (
            f"{path} needs a file that is missing: {error.filename}; put it back, or export as GLB, which is whole"
        )
        raise UnitRejected("missing-file", message) from error
    except OSError:
        raise  # the disk's fault, not the file's
    except Exception as error:  # foreign bytes break trimesh's parsers in every way
        kind = "glTF" if suffix in (".glb", ".gltf") else suffix[1:].upper()
        raise UnitRejected("unreadable-mesh", f"{path} is not a readable {kind} file: {error!r}") from error
    if not meshes:
        raise UnitRejected("zero-face-mesh", f"{path} has no triangles: it is cut off, or holds points or lines only")
    for _, mesh in meshes:
        corners = mesh.vertices[mesh.faces]
        bad = ~np.isfinite(corners)
        if bad.any():
            raise UnitRejected("non-finite-vertex", f"{path}: a triangle has the coordinate {corners[bad][0]}")
    return meshes[::-1]  # trimesh takes nodes and objects from the last to the first


def _placed(scene: trimesh.Scene, node: str) -> trimesh.Trimesh | None:
    """The node's triangles where the scene places them; None of a node with points or lines."""
    transform, name = scene.graph[node]
    geometry = scene.geometry[name]
    if not isinstance(geometry, trimesh.Trimesh) or len(geometry.faces) == 0:
        return None
    vertices = np.asarray(geometry.vertices, dtype=np.float64)
    faces = np.asarray(geometry.faces, dtype=np.int64)
    if vertices.shape[1:] != (3,) or faces.shape[1:] != (3,):
        raise ValueError(f"vertices have the shape {vertices.shape} and faces {faces.shape}")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(f"faces name the vertices {faces.min()} to {faces.max()} of {len(vertices)}")
    return make_mesh(trimesh.transform_points(vertices, transform), faces)


def _refuse_what_would_be_misread(path: Path, suffix: str) -> None:
    """Raise UnitRejected for what trimesh would read as another shape than the file's, without a word."""
    if suffix == ".obj" and re.search(rb"^f[^\n]*\s-\d", path.read_bytes(), re.MULTILINE):
        message = f"{path} counts vertices backward (negative numbers in faces); export it with absolute numbers"
        raise UnitRejected("unreadable-mesh", message)
    if suffix in (".glb", ".gltf"):
        packed = PACKINGS & set(_gltf_header(path, suffix).get("extensionsUsed", []))
        if packed:
            message = f"{path} uses {', '.join(sorted(packed))}; export it without compression or quantisation"
            raise UnitRejected("unreadable-mesh", message)


def _gltf_header(path: Path, suffix: str) -> dict[str, Any]:
    """The JSON of a glTF file; in a binary one it follows 20 bytes, of which 12 to 16 are its length."""
    content = path.read_bytes()
    if suffix == ".glb":
        content = content[20 : 20 + int.from_bytes(content[12:16], "little")]
    try:
        header = json.loads(content)
    except ValueError as error:
        raise UnitRejected("unreadable-mesh", f"{path} is not a readable glTF file: {error}") from error
    if not isinstance(header, dict):
        raise UnitRejected("unreadable-mesh", f"{path} is not a glTF file: its JSON is a {type(header).__name__}")
    return header


def _check(path: Path, meshes: Sequence[trimesh.Trimesh], config: ShapesConfig) -> None:
    faces = sum(len(mesh.faces) for mesh in meshes)
    if faces > config.max_faces:
        raise UnitRejected(
            "too-many-faces",
            f"{path} has {faces} triangles; shapes.max_faces allows {config.max_faces}: simplify the mesh, or raise "
            f"the limit with --set shapes.max_faces={faces}",
        )
    if len(meshes) > MAX_PARTS:
        raise UnitRejected("too-many-parts", f"{path} has {len(meshes)} meshes, at most {MAX_PARTS} can be: join some")


def _notes(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{n} {what}" for what, n in sorted((+counts).items()))


def _unit_frame(path: Path, meshes: Sequence[trimesh.Trimesh]) -> list[trimesh.Trimesh]:
    try:
        return to_unit_frame(meshes)
    except ValueError as error:
        raise UnitRejected("no-extent", f"{path}: {error}; export it again") from error

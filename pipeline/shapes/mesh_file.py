"""A whole shape from one mesh file of any program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh

from pipeline.errors import UnitRejected
from pipeline.shapes.config import ImportConfig, ShapesConfig, Up
from pipeline.shapes.importing import USUAL_LIMITS, ImportedMesh, import_meshes
from pipeline.shapes.mending import mend
from pipeline.shapes.normalising import to_unit_frame
from pipeline.shapes.shape import Part, Shape, make_mesh
from pipeline.shapes.storage import as_stored

#: To our axes from those of a file: of what stands along Z, -Y is the front, as in Blender.
TURNS = {"y": np.eye(3), "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])}
#: Part ids are uint16, and Blender's index pass needs the last for its background.
MAX_PARTS = 2**16 - 2


def read_mesh(path: Path, up: Up, config: ShapesConfig, limits: ImportConfig = USUAL_LIMITS) -> Shape:
    """The file's meshes as the parts of a mended shape in the unit frame, its vertices exact in float32.

    Every mesh that the file places is a part, named as there; parents in the file's tree are the part's in its
    ``node_path``; the file's name without suffix is the shape's id. ``up``: see docs/conventions.md.
    ``config.merge_distance`` is in object radii here, for a file may be in any unit.
    Raises UnitRejected, with the file, the value and the way out, for a file that is no such mesh or goes beyond
    ``limits``.
    """
    imported = import_meshes(path, config.max_faces, limits)
    if len(imported.meshes) > MAX_PARTS:
        text = f"{path} has {len(imported.meshes)} meshes, at most {MAX_PARTS} can be: join some"
        raise UnitRejected("too-many-parts", text)
    turned = [make_mesh(item.mesh.vertices @ TURNS[up].T, item.mesh.faces) for item in imported.meshes]
    mended = [mend(mesh, config.merge_distance) for mesh in _unit_frame(path, turned)]
    pairs = zip(_node_paths(imported.meshes), imported.meshes, mended, strict=True)
    kept = [(node_path, named, item) for node_path, named, item in pairs if len(item.mesh.faces)]
    if not kept:
        raise UnitRejected("zero-face-mesh", f"{path} has only zero-area triangles; export it again")
    meshes = _unit_frame(path, [item.mesh for _, _, item in kept])
    parts = tuple(
        Part(number, named.path[-1], 0, node_path, as_stored(mesh), mending=_notes(item.counts))
        for number, ((node_path, named, item), mesh) in enumerate(zip(kept, meshes, strict=True), 1)
    )
    total = sum((item.counts for item in mended), Counter({"meshes without area": len(mended) - len(kept)}))
    return Shape(path.stem, "", "", parts, (*_notes(total), *imported.notes))


def _node_paths(meshes: Sequence[ImportedMesh]) -> list[tuple[int, ...]]:
    """Of each mesh the numbers of its tree's nodes from the root, 0, down; in the order in which they are met."""
    numbers: dict[tuple[str, ...], int] = {}
    for item in meshes:
        for depth in range(1, len(item.path) + 1):
            numbers.setdefault(item.path[:depth], len(numbers) + 1)
    return [(0, *(numbers[item.path[:depth]] for depth in range(1, len(item.path) + 1))) for item in meshes]


def _notes(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{n} {what}" for what, n in sorted((+counts).items()))


def _unit_frame(path: Path, meshes: Sequence[trimesh.Trimesh]) -> list[trimesh.Trimesh]:
    try:
        return to_unit_frame(meshes)
    except ValueError as error:
        raise UnitRejected("no-extent", f"{path}: {error}; export it again") from error

"""Shapes and parts on disk: GLB files with one node a part and everything about it in its extras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.shapes.shape import Part, Shape, make_mesh

REMAKE = "move it away and run the stage that makes it again"


@dataclass(frozen=True)
class StoredPart:
    """A named mesh with JSON-serialisable extras. GLB keeps vertices as float32."""

    name: str
    mesh: trimesh.Trimesh
    extras: Mapping[str, Any]


def save_parts(path: Path, parts: Sequence[StoredPart], extras: Mapping[str, Any]) -> None:
    """Write parts, in order, and scene-level ``extras`` to one GLB, atomically and deterministically."""
    scene = trimesh.Scene()
    for part in parts:
        # A bare mesh: cached normals or the metadata of whoever made it must not reach the file.
        mesh = make_mesh(part.mesh.vertices, part.mesh.faces)
        scene.add_geometry(mesh, node_name=part.name, geom_name=part.name, metadata=dict(part.extras))
    scene.metadata.update(extras)
    with atomic(path) as temporary:
        temporary.write_bytes(scene.export(file_type="glb"))


def load_parts(path: Path) -> tuple[list[StoredPart], dict[str, Any]]:
    """Read what ``save_parts`` wrote, sorted by name. Raises PipelineError for a missing or foreign file."""
    if not path.is_file():
        raise PipelineError(f"{path} is missing; run the stage that makes it")
    try:
        scene = trimesh.load_scene(path, file_type="glb", process=False)
        return _parts(scene), dict(scene.metadata)
    except Exception as error:  # trimesh may raise anything of a damaged file
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise PipelineError(f"{path} is not a readable GLB file of ours ({reason}); {REMAKE}") from error


def _parts(scene: trimesh.Scene) -> list[StoredPart]:
    parts = []
    for name in sorted(scene.graph.nodes_geometry):
        edge = scene.graph.transforms.edge_data[(scene.graph.base_frame, name)]
        geometry = scene.geometry[edge["geometry"]]
        mesh = make_mesh(np.asarray(geometry.vertices, dtype=np.float64), np.asarray(geometry.faces, dtype=np.int64))
        if not np.isfinite(mesh.vertices).all() or not ((mesh.faces >= 0) & (mesh.faces < len(mesh.vertices))).all():
            raise ValueError(f"{name} has a vertex that is nowhere, or a face of vertices that are not there")
        parts.append(StoredPart(name, mesh, edge.get("metadata") or {}))
    return parts


def as_stored(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh with its vertices rounded to float32, exactly as it will be read back."""
    return make_mesh(np.asarray(mesh.vertices, dtype=np.float32).astype(np.float64), np.asarray(mesh.faces))


def save_shape(path: Path, shape: Shape) -> None:
    """Write a shape: one node a part; label, instance, node path, hardness and mending in its extras."""
    parts = [
        StoredPart(
            part.name,
            part.mesh,
            {
                "label": part.label,
                "instance": part.instance,
                "node_path": list(part.node_path),
                "hardness": part.hardness,
                "mending": list(part.mending),
                "watertight": bool(part.mesh.is_watertight),
            },
        )
        for part in shape.parts
    ]
    extras = {
        "shape_id": shape.shape_id,
        "model_id": shape.model_id,
        "category": shape.category,
        "notes": list(shape.notes),
    }
    save_parts(path, parts, extras)


def load_shape(path: Path) -> Shape:
    """Read a shape that ``save_shape`` wrote. Raises PipelineError for a missing or foreign file."""
    stored, extras = load_parts(path)
    try:
        parts = tuple(_part(number, item) for number, item in enumerate(stored, 1))
        return Shape(extras["shape_id"], extras["model_id"], extras["category"], parts, tuple(extras["notes"]))
    except (KeyError, TypeError) as error:
        raise PipelineError(f"{path} is no shape of this version ({error!r}); {REMAKE}") from error


def _part(number: int, stored: StoredPart) -> Part:
    extras = stored.extras
    return Part(
        part_id=number,
        label=extras["label"],
        instance=extras["instance"],
        node_path=tuple(extras["node_path"]),
        mesh=stored.mesh,
        hardness=extras.get("hardness"),
        mending=tuple(extras["mending"]),
    )

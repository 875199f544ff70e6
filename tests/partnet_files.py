"""Small PartNet v0 folders written by hand, for the reader's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import trimesh


def obj_text(vertices: np.ndarray, faces: np.ndarray) -> str:
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    return "\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces)]) + "\n"


def box(centre: tuple[float, float, float], extents: tuple[float, float, float]) -> trimesh.Trimesh:
    return trimesh.creation.box(extents=extents, transform=trimesh.transformations.translation_matrix(centre))


def leaf(id_: int, name: str, *objs: str) -> dict[str, Any]:
    return {"id": id_, "ori_id": id_, "name": name, "text": name, "objs": list(objs)}


def inner(id_: int, name: str, *children: dict[str, Any], objs: tuple[str, ...] = ()) -> dict[str, Any]:
    below = [obj for child in children for obj in child["objs"]]
    return {**leaf(id_, name, *below, *objs), "children": list(children)}


def write_shape(
    root: Path,
    shape_id: str,
    tree: dict[str, Any],
    meshes: dict[str, str],
    raw: dict[str, Any] | None = None,
    category: str = "Chair",
) -> Path:
    folder = root / shape_id
    (folder / "objs").mkdir(parents=True)
    meta = {"model_id": f"model-{shape_id}", "anno_id": shape_id, "model_cat": category}
    (folder / "meta.json").write_text(json.dumps(meta))
    (folder / "result_after_merging.json").write_text(json.dumps([tree]))
    if raw is not None:
        (folder / "result.json").write_text(json.dumps([raw]))
    for name, text in meshes.items():
        (folder / "objs" / f"{name}.obj").write_text(text)
    return folder


def mesh_text(mesh: trimesh.Trimesh) -> str:
    return obj_text(mesh.vertices, mesh.faces)


def simple_stool(root: Path, shape_id: str = "1") -> Path:
    """A seat (y 0.4..0.5) on two legs below it, off-centre and larger than the unit frame."""
    tree = inner(
        0,
        "chair",
        inner(1, "chair_seat", leaf(2, "seat_surface", "seat")),
        inner(3, "chair_base", inner(4, "regular_leg_base", leaf(5, "leg", "a"), leaf(6, "leg", "b"))),
    )
    meshes = {
        "seat": mesh_text(box((3.0, 0.45, 0.0), (1.0, 0.1, 1.0))),
        "a": mesh_text(box((2.6, 0.2, 0.0), (0.1, 0.4, 0.1))),
        "b": mesh_text(box((3.4, 0.2, 0.0), (0.1, 0.4, 0.1))),
    }
    raw = inner(0, "chair", inner(1, "chair_seat", leaf(2, "seat_soft_surface", "seat")))
    return write_shape(root, shape_id, tree, meshes, raw)

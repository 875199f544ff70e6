"""A tree of labelled parts, written as PartNet v0 writes it.

Labels are PartNet's raw ones (``before_merging_label_ids/Chair.txt``), which tell hard surfaces from
soft; ``result_after_merging.json`` renames the leaves as ``merging_hierarchy_mapping/Chair.txt`` does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from pipeline.files import write_json
from pipeline.shapes.shape import make_mesh
from pipeline.shapes.synthetic.solids import mirrored

#: Raw leaf names that merging renames; None: merging drops the leaf, its meshes stay with the parent.
_MERGED_NAME: dict[str, str | None] = {
    "back_hard_surface": "back_single_surface",
    "back_soft_surface": "back_single_surface",
    "seat_hard_surface": "seat_single_surface",
    "seat_soft_surface": "seat_single_surface",
    "seat_surface_vertical_bar": "seat_surface_bar",
    "seat_surface_horizontal_bar": "seat_surface_bar",
    "seat_frame_vertical_bar": "seat_frame_bar",
    "seat_frame_horizontal_bar": "seat_frame_bar",
    "armrest_hard_surface": "arm_horizontal_bar",
    "armrest_soft_surface": "arm_horizontal_bar",
    "arm_vertical_bar": "arm_near_vertical_bar",
    "arm_slant_bar": "arm_near_vertical_bar",
    "short_leg": "foot",
    "pillow": None,
    "caster_yoke": None,
}


@dataclass
class Node:
    """One node of the raw tree; ``key`` is its name and, after ``#``, a tag that tells siblings apart."""

    key: str
    children: list[Node] = field(default_factory=list)
    meshes: list[trimesh.Trimesh] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.key.partition("#")[0]


class Assembly:
    """Collects the parts of one chair: +Y up, back toward -Z, x = 0 the plane of symmetry, metres."""

    def __init__(self) -> None:
        self.root = Node("chair")

    def add(self, label: str, *meshes: trimesh.Trimesh) -> None:
        """Add one leaf. ``label`` leaves out the root: ``chair_arm#left/armrest_hard_surface``.

        Inner nodes are shared by leaves that give the same path, tags included.
        """
        *inner, leaf = label.split("/")
        node = self.root
        for key in inner:
            found = next((child for child in node.children if child.key == key), None)
            if found is None:
                found = Node(key)
                node.children.append(found)
            node = found
        node.children.append(Node(leaf, meshes=list(meshes)))

    def add_pair(self, label: str, *meshes: trimesh.Trimesh) -> None:
        """Add a leaf at x > 0 and its mirror image; ``{side}`` in ``label`` becomes left or right.

        Left is the sitter's: toward +X.
        """
        self.add(label.format(side="left"), *meshes)
        self.add(label.format(side="right"), *(mirrored(mesh) for mesh in meshes))

    def write(self, folder: Path, meta: dict[str, str]) -> None:
        """Write the PartNet folder, whole or not at all; one that is there already is replaced."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        try:
            (temporary / "objs").mkdir(parents=True)
            raw = _raw_tree(self.root, count(), count())
            write_json(temporary / "meta.json", meta)
            write_json(temporary / "result.json", [raw])
            write_json(temporary / "result_after_merging.json", [_merged_tree(raw, count())])
            for number, mesh in enumerate(_in_unit_sphere(list(_meshes(self.root)))):
                (temporary / "objs" / f"{_obj_name(number)}.obj").write_text(_obj_text(mesh), encoding="ascii")
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _obj_name(number: int) -> str:
    return f"new-{number}"


def _meshes(node: Node) -> Iterator[trimesh.Trimesh]:
    """Meshes in tree order, which numbers the OBJ files."""
    yield from node.meshes
    for child in node.children:
        yield from _meshes(child)


def _raw_tree(node: Node, ids: Iterator[int], objs: Iterator[int]) -> dict[str, Any]:
    """As PartNet's result.json: ids in tree order, ``objs`` on leaves only."""
    tree: dict[str, Any] = {"id": next(ids), "name": node.name, "text": node.name.replace("_", " ").title()}
    if node.children:
        tree["children"] = [_raw_tree(child, ids, objs) for child in node.children]
    else:
        tree["objs"] = [_obj_name(next(objs)) for _ in node.meshes]
    return tree


def _merged_tree(raw: dict[str, Any], ids: Iterator[int]) -> dict[str, Any]:
    """As PartNet's result_after_merging.json: own ids, ``objs`` of the whole subtree on every node."""
    name = _MERGED_NAME.get(raw["name"], raw["name"])
    tree: dict[str, Any] = {"id": next(ids), "ori_id": raw["id"], "name": name, "text": name, "objs": _all_objs(raw)}
    kept = [child for child in raw.get("children", []) if _MERGED_NAME.get(child["name"], "") is not None]
    if kept:
        tree["children"] = [_merged_tree(child, ids) for child in kept]
    return tree


def _all_objs(raw: dict[str, Any]) -> list[str]:
    return [*raw.get("objs", []), *(name for child in raw.get("children", []) for name in _all_objs(child))]


def _in_unit_sphere(meshes: list[trimesh.Trimesh]) -> list[trimesh.Trimesh]:
    """Bounding-box centre to the origin, farthest vertex to distance 1."""
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    radius = np.linalg.norm(vertices - centre, axis=1).max()
    return [make_mesh((mesh.vertices - centre) / radius, mesh.faces) for mesh in meshes]


def _obj_text(mesh: trimesh.Trimesh) -> str:
    rounded = np.round(mesh.vertices, 6) + 0.0  # adding zero turns -0.0 into 0.0
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in rounded]
    lines += [f"f {a} {b} {c}" for a, b, c in np.asarray(mesh.faces) + 1]
    return "\n".join(lines) + "\n"

"""Reading PartNet v0: ``<id>/{meta,result,result_after_merging}.json`` and ``objs/*.obj``.

The merged tree gives labels and instances; the raw tree (``result.json``) only adds whether a
surface is hard or soft, which merging drops. Meshes an inner node lists but none of its leaves do
(caster yokes, pillows, footrest rings: merging lost their leaf) become parts labelled as that node,
so that no visible geometry is lost.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from pipeline.errors import PipelineError, UnitRejected
from pipeline.files import is_file, read_json
from pipeline.format.naming import shape_id
from pipeline.format.schema import TEXT_BYTES, fits
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.mending import mend
from pipeline.shapes.normalising import to_unit_frame
from pipeline.shapes.obj_file import count_faces, read_obj
from pipeline.shapes.shape import Hardness, Part, Shape, make_mesh

MERGED = "result_after_merging.json"
#: Levels of a tree; PartNet's have about eight.
DEEPEST = 100


@dataclass(frozen=True)
class _Leaf:
    label: str
    node_path: tuple[int, ...]
    objs: tuple[str, ...]


def list_partnet(root: Path, category: str | None) -> list[str]:
    """Ids of the shapes under ``root`` (``naming.py``), sorted, numeric ids by value.

    Folders whose ``meta.json`` names another category are left out; folders without a readable one
    stay in, to be rejected with a reason rather than overlooked.
    """
    if not root.is_dir():
        raise PipelineError(f"PartNet folder {root} does not exist; give the folder that holds <anno_id>/ folders")
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    ids = [shape_id(n) for n in names if category is None or _category_or(root / n, category) == category]
    if not ids:
        raise PipelineError(f"{root} holds no PartNet shapes of category {category!r} (<anno_id>/{MERGED})")
    return sorted(ids, key=lambda i: (not i.isdigit(), int(i) if i.isdigit() else 0, i))


def read_partnet(folder: Path, config: ShapesConfig) -> Shape:
    """Read, mend and normalise one shape. Raises UnitRejected with the file and the value at fault."""
    meta = _read(folder / "meta.json", dict)
    root = _root(folder / MERGED)
    raw = folder / "result.json"
    hardness = _hardness(_root(raw), raw) if raw.is_file() else {}
    parts: list[Part] = []
    instances: Counter[str] = Counter()
    seen: set[str] = set()
    notes: Counter[str] = Counter()
    leaves = list(_leaves(root, (), "", folder / MERGED))
    _check_files(folder, leaves, config)
    for leaf in leaves:
        objs = [name for name in leaf.objs if name not in seen]
        notes["meshes named by two leaves, kept in the first"] += len(leaf.objs) - len(objs)
        seen.update(objs)
        if not objs:
            continue
        mesh, counts = _read_meshes(folder, objs, config)
        notes.update(counts)
        hints = {hardness[name] for name in objs if name in hardness}
        parts.append(
            Part(
                part_id=len(parts) + 1,
                label=leaf.label,
                instance=instances[leaf.label],
                node_path=leaf.node_path,
                mesh=mesh,
                hardness=hints.pop() if len(hints) == 1 else None,
                mending=tuple(f"{n} {what}" for what, n in sorted(counts.items())),
            )
        )
        instances[leaf.label] += 1
    _check(folder, parts, config)
    category, model_id = str(meta.get("model_cat", root["name"])), str(meta.get("model_id", ""))
    _check_texts(folder / "meta.json", category, model_id)
    _check_texts(folder / MERGED, *(part.label for part in parts))
    summary = tuple(f"{n} {what}" for what, n in sorted((+notes).items()))
    try:
        framed = to_unit_frame([part.mesh for part in parts])
    except ValueError as error:
        raise UnitRejected("no-extent", f"{folder}: {error}; copy its meshes again") from error
    in_frame = tuple(replace(part, mesh=mesh) for part, mesh in zip(parts, framed, strict=True))
    return Shape(shape_id(folder.name), model_id, category, in_frame, summary)


def _check_files(folder: Path, leaves: list[_Leaf], config: ShapesConfig) -> None:
    """Refuse what is far too large before it is read: five million triangles would take a minute and gigabytes.

    The files may hold every triangle twice, once in each winding.
    """
    names = sorted({name for leaf in leaves for name in leaf.objs})
    counts = {path: count_faces(path) for path in (_obj_path(folder, name) for name in names)}
    total, largest = sum(counts.values()), max(counts, key=counts.__getitem__, default=folder)
    if total > 2 * config.max_faces:
        raise UnitRejected(
            "too-many-faces",
            f"{folder} has {total} triangles, {counts[largest]} of them in {largest}; shapes.max_faces allows "
            f"{config.max_faces}, each at most twice: simplify the meshes or raise it",
        )


def _check(folder: Path, parts: list[Part], config: ShapesConfig) -> None:
    if len(parts) < config.min_parts:
        raise UnitRejected(
            "too-few-parts",
            f"{folder / MERGED} has {len(parts)} part(s); an anomaly needs at least {config.min_parts}",
        )
    faces = sum(len(p.mesh.faces) for p in parts)
    if faces > config.max_faces:
        raise UnitRejected(
            "too-many-faces",
            f"{folder} has {faces} triangles; shapes.max_faces allows {config.max_faces}: simplify the meshes or "
            "raise it",
        )


def _check_texts(path: Path, *texts: str) -> None:
    """Refuse now what a shard could not hold in the end."""
    for text in texts:
        if not fits(text):
            raise UnitRejected(
                "long-name",
                f"{path}: {text[:80]!r} must have at most {TEXT_BYTES} UTF-8 bytes and no NUL: shorten it",
            )


def _read(path: Path, kind: type) -> Any:
    if not path.is_file():
        raise UnitRejected("missing-file", f"{path} is missing; a PartNet shape needs it")
    try:
        data = read_json(path)
    except PipelineError as error:
        raise UnitRejected("malformed-json", str(error)) from error
    if not isinstance(data, kind):
        raise UnitRejected("malformed-json", f"{path} holds a {type(data).__name__}, expected a {kind.__name__}")
    return data


def _category_or(folder: Path, default: str) -> str:
    try:
        meta = read_json(folder / "meta.json")
    except (PipelineError, OSError):
        return default  # its reader will say what is wrong with it
    return str(meta.get("model_cat", default)) if isinstance(meta, dict) else default


def _root(path: Path) -> dict[str, Any]:
    nodes = _read(path, list)
    if len(nodes) != 1:
        raise UnitRejected("malformed-json", f"{path} has {len(nodes)} roots, expected one")
    level, depth = nodes, 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise UnitRejected("malformed-json", f"{path}: its tree has more than {DEEPEST} levels; copy it again")
        level = [child for node in level for child in _node(node, path).get("children", [])]
    return _node(nodes[0], path)


def _node(node: Any, path: Path) -> dict[str, Any]:
    good = (
        isinstance(node, dict)
        and isinstance(node.get("name"), str)
        and isinstance(node.get("id"), int)
        and isinstance(node.get("children", []), list)
        and isinstance(node.get("objs", []), list)
    )
    if not good:
        raise UnitRejected(
            "malformed-json", f"{path}: node {ascii(node)[:120]} lacks a valid name, id, children or objs"
        )
    return dict(node)


def _leaves(node: dict[str, Any], ids: tuple[int, ...], label: str, path: Path) -> Iterator[_Leaf]:
    """Leaves in tree order, each inner node's orphans (objs no descendant has) after its children."""
    ids, label = (*ids, node["id"]), f"{label}/{node['name']}".lstrip("/")
    children = [_node(child, path) for child in node.get("children", [])]
    own = [str(name) for name in node.get("objs", [])]
    if not children:
        yield _Leaf(label, ids, tuple(dict.fromkeys(own)))
        return
    covered: set[str] = set()
    for child in children:
        yield from _leaves(child, ids, label, path)
        covered |= _all_objs(child)
    orphans = tuple(name for name in dict.fromkeys(own) if name not in covered)
    if orphans:
        yield _Leaf(label, ids, orphans)


def _all_objs(node: dict[str, Any]) -> set[str]:
    names = {str(name) for name in node.get("objs", [])}
    return names.union(*(_all_objs(child) for child in node.get("children", [])))


def _hardness(node: dict[str, Any], path: Path) -> dict[str, Hardness]:
    """Mesh name -> hard or soft, from raw leaf names such as ``seat_soft_surface``."""
    children = [_node(child, path) for child in node.get("children", [])]
    if children:
        return {name: hint for child in children for name, hint in _hardness(child, path).items()}
    name = node["name"]
    hint: Hardness | None = "soft" if "_soft_" in name else "hard" if "_hard_" in name else None
    return {str(obj): hint for obj in node.get("objs", [])} if hint else {}


def _read_meshes(folder: Path, objs: list[str], config: ShapesConfig) -> tuple[trimesh.Trimesh, Counter[str]]:
    counts: Counter[str] = Counter()
    meshes = []
    for name in objs:
        mended = mend(read_obj(_obj_path(folder, name)), config.merge_distance)
        if len(mended.mesh.faces) == 0:
            raise UnitRejected("zero-face-mesh", f"{folder / 'objs' / name}.obj has only zero-area triangles")
        counts.update(mended.counts)
        meshes.append(mended.mesh)
    offsets = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    faces = np.concatenate([m.faces + offset for m, offset in zip(meshes, offsets, strict=True)])
    return make_mesh(np.concatenate([m.vertices for m in meshes]), faces), counts


def _obj_path(folder: Path, name: str) -> Path:
    """The file of a mesh. A cache's links are files of the folder, wherever they lead; only names must stay in it."""
    directory = folder / "objs"
    path = directory / f"{name}.obj"
    if path.name != f"{name}.obj" or "\\" in name:
        raise UnitRejected("mesh-outside-shape", f"{folder / MERGED}: objs entry {name!r} leads outside {directory}")
    if not is_file(path):
        raise UnitRejected("missing-file", f"{path} is missing; {folder / MERGED} names it")
    return path

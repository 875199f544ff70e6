"""Meshes of one file of any program, read by Blender's importers in a process of its own, within limits."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from pipeline.blender import blender_command, blender_environment
from pipeline.errors import UnitRejected
from pipeline.shapes.config import ImportConfig
from pipeline.shapes.mesh_formats import fbx, gltf, obj, ply, stl
from pipeline.shapes.mesh_formats.fbx import NUMBERED
from pipeline.shapes.mesh_formats.prepared import Prepared, more_faces, unreadable
from pipeline.shapes.shape import make_mesh

#: What is done with a file before Blender gets it, by its suffix.
PREPARE: dict[str, Callable[[Path, Path, int], Prepared]] = {
    ".glb": gltf.prepare,
    ".gltf": gltf.prepare,
    ".obj": obj.prepare,
    ".ply": ply.prepare,
    ".stl": stl.prepare,
    **dict.fromkeys((".fbx", ".usd", ".usda", ".usdc", ".usdz", ".abc", ".blend"), lambda path, *_: Prepared(path)),
}
#: Formats whose order Blender keeps, for OBJ with the help of ``Prepared.names``.
IN_ORDER = (".glb", ".gltf", ".obj", ".blend")
USUAL_LIMITS = ImportConfig()
#: Blender keeps coordinates in float32: what is rounded to more than this share of the shape's radius is refused.
COARSEST = 1e-4
#: Importers say so, and go on, where they leave out a face; of STL's triangles without area or there twice they count.
_LEFT_OUT = re.compile(rb"^WARN \(io\.(?:obj|ply|stl)\):[^:]*:\d+ [^:]*: (?!Removed )(.*)$", re.MULTILINE)
_REMOVED = re.compile(rb"^WARN \(io\.stl\):.*: Removed (\d+ \w+ triangles)", re.MULTILINE)
#: So USD's importer does, of polygons that visit a vertex twice or name one that is not there.
_CORRECTED = re.compile(rb"Invalid face data detected for mesh '([^']*)'")
#: So USD says that something is not there to which the given file refers.
_MISSING = re.compile(
    rb"in _ReportErrors at line \d+ of \S+ -- (?:In <[^>]*>: )?(.*?)(?: for | \(instant|$)", re.MULTILINE
)


@dataclass(frozen=True, eq=False)
class ImportedMesh:
    """One mesh as its file places it. ``path``: names from the root of the file's tree to its own, which is unique.

    mesh: not empty, corners finite, +Y up, in metres where the format knows them and the file's unit where not.
    """

    path: tuple[str, ...]
    mesh: trimesh.Trimesh


@dataclass(frozen=True, eq=False)
class Imported:
    """Everything with a surface in a file, in its order; ``notes``: what was left out."""

    meshes: tuple[ImportedMesh, ...]
    notes: tuple[str, ...]


def import_meshes(path: Path, max_faces: int, limits: ImportConfig = USUAL_LIMITS) -> Imported:
    """Read a file. Raises UnitRejected, with the file, the value and the way out.

    No script in the file is run and nothing is fetched. A file that makes Blender crash, hang or take more memory than
    ``limits`` allow costs its process alone.
    """
    suffix = path.suffix.lower()
    if suffix not in PREPARE:
        raise UnitRejected("unknown-format", f"{path}: {suffix or 'no suffix'!r} is none of {', '.join(PREPARE)}")
    if not path.is_file():
        what = "is no regular file" if path.exists() else "is missing"
        raise UnitRejected("missing-file", f"{path} {what}; give a mesh file")
    memory = int(limits.memory_gib * 2**30)
    if path.stat().st_size > memory:
        raise UnitRejected(
            "too-large",
            f"{path} has {path.stat().st_size / 2**30:.1f} GiB; importing.memory_gib allows {limits.memory_gib:g}: "
            "simplify the mesh, or raise it",
        )
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        scratch = Path(folder)
        prepared = PREPARE[suffix](path, scratch, max_faces)
        answer, arrays = _ask_blender(path, prepared.path, scratch, max_faces, memory, limits)
    found = [
        (tuple(names), make_mesh(vertices + prepared.origin, faces))
        for names, (vertices, faces) in zip(answer["meshes"], arrays, strict=True)
    ]
    if suffix == ".fbx":
        found = fbx.in_order(path, [(names, mesh.vertices.tobytes(), mesh) for names, mesh in found])
    _check(path, [mesh for _, mesh in found], prepared)
    if suffix not in IN_ORDER:
        found.sort(key=lambda entry: entry[0])
    order = {name: number for number, name in enumerate(prepared.names)}
    found.sort(key=lambda entry: order.get(entry[0][-1], order.get(NUMBERED.sub("", entry[0][-1]), len(order))))
    paths = told_apart([names for names, _ in found])
    meshes = (ImportedMesh(names, mesh) for names, (_, mesh) in zip(paths, found, strict=True))
    return Imported(tuple(meshes), tuple(answer["notes"]))


def told_apart(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Paths, each once: a number follows the name where one comes again, as of instances."""
    taken = set(paths)
    seen: set[tuple[str, ...]] = set()
    numbers: dict[tuple[str, ...], Iterator[int]] = defaultdict(lambda: count(1))  # what was tried is taken
    told = []
    for path in paths:
        numbered = ((*path[:-1], f"{path[-1]}.{number:03d}") for number in numbers[path])
        own = path if path not in seen else next(other for other in numbered if other not in taken)
        seen.add(own)
        taken.add(own)
        told.append(own)
    return told


def _ask_blender(
    path: Path, file: Path, scratch: Path, max_faces: int, memory: int, limits: ImportConfig
) -> tuple[dict[str, Any], list[tuple[Any, Any]]]:
    """Blender's answer about ``file``, which stands for the user's ``path``: see ``blender_scripts.importing``."""
    request, archive = scratch / "request.json", scratch / "meshes.npz"
    seconds = limits.seconds
    asked = {"file": str(file.absolute()), "arrays": str(archive), "max_faces": max_faces}
    request.write_text(json.dumps({**asked, "memory_bytes": memory, "seconds": seconds}), encoding="utf-8")
    try:
        done = subprocess.run(
            blender_command("importing", request),
            env={**blender_environment(scratch), "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_much(path, f"took more than {seconds:g} s", "seconds") from error
    left_out = _LEFT_OUT.search(done.stderr)
    if left_out:
        raise unreadable(path, f"{left_out[1].decode('utf-8', 'replace')[:200]}; export it again")
    corrected = _CORRECTED.search(done.stderr)
    if corrected:
        mesh = corrected[1].decode("utf-8", "replace")
        raise unreadable(
            path, f"the mesh {mesh!r} has faces that visit a vertex twice, or worse; export it as triangles"
        )
    missing = _MISSING.search(done.stderr)
    if missing:
        what = missing[1].decode("utf-8", "replace")[:200]
        raise UnitRejected(
            "missing-file", f"{path} lacks something ({what}); put it back, or export all in one; nothing is fetched"
        )
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise _broken_off(path, done, limits) from error
    if "refused" in answer:
        raise _refusal(path, answer["refused"], max_faces)
    answer["notes"] += [found.decode() for found in _REMOVED.findall(done.stderr)]
    with np.load(archive, allow_pickle=False) as arrays:
        numbers = range(len(answer["meshes"]))
        return answer, [(arrays[f"{n}/vertices"], arrays[f"{n}/faces"].astype(np.int64)) for n in numbers]


def _refusal(path: Path, refusal: dict[str, str], max_faces: int) -> UnitRejected:
    if refusal["reason"] == "too-many-faces":
        return more_faces(path, max_faces)
    return UnitRejected(refusal["reason"], f"{path} {refusal['text']}")


def _broken_off(path: Path, done: subprocess.CompletedProcess[bytes], limits: ImportConfig) -> UnitRejected:
    """Why Blender ended without an answer."""
    said = done.stderr.decode("utf-8", "replace")
    if "MemoryError" in said or "bad_alloc" in said or "Calloc returns null" in said or "Malloc returns null" in said:
        return _too_much(path, f"needs more than {limits.memory_gib:g} GiB of memory", "memory_gib")
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "nothing")
    end = f"status {done.returncode}" if done.returncode >= 0 else signal.Signals(-done.returncode).name
    return UnitRejected(
        "unreadable-mesh",
        f"{path} made Blender's importer break off ({end}; it said last: {last[:200]}); export it again",
    )


def _too_much(path: Path, what: str, setting: str) -> UnitRejected:
    return UnitRejected("import-limit", f"{path}: reading it {what}; simplify it, or raise importing.{setting}")


def _check(path: Path, meshes: Sequence[trimesh.Trimesh], prepared: Prepared) -> None:
    """Raises UnitRejected for what has no triangles, is nowhere, or is too far off to be exact."""
    if not meshes:
        raise UnitRejected("zero-face-mesh", f"{path} has no triangles: it is cut off, or holds points or lines only")
    corners = np.concatenate([mesh.vertices[np.unique(mesh.faces)] for mesh in meshes])
    bad = ~np.isfinite(corners)
    if bad.any():
        raise UnitRejected("non-finite-vertex", f"{path}: a triangle has the coordinate {corners[bad][0]}")
    corners = corners - prepared.origin
    radius = float(np.linalg.norm(np.ptp(corners, axis=0))) / 2
    farthest = float(np.abs(corners).max())
    if farthest * 2.0**-24 > COARSEST * radius > 0:
        raise UnitRejected(
            "too-far-off",
            f"{path} lies {farthest:g} from the origin and has a radius of {radius:g} only, which single precision "
            "would bend; move it nearer",
        )

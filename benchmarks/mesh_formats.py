"""What comes back of scenes that Blender exported: ``python -m benchmarks.mesh_formats [SEEDS]``.

A table of format by feature: the largest distance of a vertex from where it should be, in the scene's radii, over as
many random scenes (``blender_scripts.exported_scenes``). Polygons are compared by area, volume and bounds: a format may
cut them into other triangles. A dash stands for what a format does not have.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmarks.table import write_rows
from pipeline.blender import blender_command, blender_environment
from pipeline.errors import UnitRejected
from pipeline.shapes.config import ImportConfig
from pipeline.shapes.importing import Imported, import_meshes

SUFFIXES = ("glb", "gltf", "fbx", "usdc", "usda", "abc", "blend", "obj", "ply", "stl")
#: The object that shows each feature.
FEATURES = {
    "polygons": "polygons",
    "skins": "skinned",
    "morphs": "morphed",
    "instances": "twin_b",
    "mirrored": "mirrored",
    "first frame": "moved",
}
#: Formats of one mesh, and of names without a tree or frames.
NAMELESS, FLAT = ("ply", "stl"), ("obj", "ply", "stl")


@dataclass(frozen=True, eq=False)
class Truth:
    """The objects of a scene in metres, +Y up, their parents' names, and half of the diagonal of all of them."""

    objects: Mapping[str, trimesh.Trimesh]
    parents: Mapping[str, str]
    radius: float


def export(folder: Path, seed: int) -> Truth:
    """Have Blender write ``folder/scene.*`` and return what is in them."""
    command = blender_command("exported_scenes", folder, str(seed))
    subprocess.run(command, env=blender_environment(folder), check=True, capture_output=True)
    with np.load(folder / "truth.npz") as arrays:
        names = sorted({key.split("/")[0] for key in arrays.files})
        objects = {n: trimesh.Trimesh(arrays[f"{n}/vertices"], arrays[f"{n}/faces"], process=False) for n in names}
        parents = {name: str(arrays[f"{name}/parent"]) for name in names}
    corners = np.concatenate([mesh.vertices for mesh in objects.values()])
    return Truth(objects, parents, float(np.linalg.norm(np.ptp(corners, axis=0))) / 2)


def errors(path: Path, truth: Truth) -> dict[str, float | str]:
    """Of each feature the largest error in radii, or why there is none."""
    suffix = path.suffix[1:]
    try:
        imported = import_meshes(path, 100_000, ImportConfig())
    except UnitRejected as refusal:
        return {"refused": refusal.message}
    found = {feature: _error(imported, suffix, feature, truth) for feature in FEATURES}
    paths = {item.path for item in imported.meshes}
    kept = all(found_in(paths, parent, name) for name, parent in truth.parents.items() if parent)
    return {**found, "hierarchy": "-" if suffix in FLAT else "kept" if kept else "lost"}


def found_in(paths: set[tuple[str, ...]], *names: str) -> bool:
    """Whether one of the paths holds all the names."""
    return any(set(names) <= set(path) for path in paths)


def _error(imported: Imported, suffix: str, feature: str, truth: Truth) -> float | str:
    if feature == "first frame" and suffix in FLAT:
        return "-"
    if suffix not in NAMELESS:
        compare = _surface_error if feature == "polygons" else _triangle_error
        return compare(_named(imported, FEATURES[feature]), truth.objects[FEATURES[feature]]) / truth.radius
    mesh = imported.meshes[0].mesh
    if feature != "polygons":
        return _triangle_error(mesh, truth.objects[FEATURES[feature]]) / truth.radius
    area = sum(item.area for item in truth.objects.values())  # of one mesh alone, the area can tell
    return abs(mesh.area - area) / area


def _named(imported: Imported, name: str) -> trimesh.Trimesh:
    [mesh] = [item.mesh for item in imported.meshes if name in item.path]
    return mesh


def _triangle_error(mesh: trimesh.Trimesh, truth: trimesh.Trimesh) -> float:
    """The largest distance of a corner of the true triangles from the like corner of the nearest one found."""
    found, true = mesh.triangles, truth.triangles
    _, near = cKDTree(found.mean(axis=1)).query(true.mean(axis=1), k=min(3, len(found)))
    turns = np.array(list(permutations(range(3))))
    candidates: NDArray[np.float64] = found[near][:, :, turns]  # (true, near, turn, corner, axis)
    return float(np.linalg.norm(candidates - true[:, None, None], axis=-1).max(axis=-1).min(axis=(1, 2)).max())


def _surface_error(mesh: trimesh.Trimesh, truth: trimesh.Trimesh) -> float:
    """The largest difference in bounds, root of area, or cube root of volume."""
    area = abs(np.sqrt(mesh.area) - np.sqrt(truth.area))
    volume = abs(np.cbrt(abs(mesh.volume)) - np.cbrt(abs(truth.volume)))
    return float(max(np.abs(mesh.bounds - truth.bounds).max(), area, volume))


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows: dict[str, dict[str, float | str]] = {suffix: {} for suffix in SUFFIXES}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as name:
            truth = export(Path(name), seed)
            for suffix in SUFFIXES:
                for feature, error in errors(Path(name) / f"scene.{suffix}", truth).items():
                    before = rows[suffix].get(feature, error)
                    both = isinstance(before, float) and isinstance(error, float)
                    rows[suffix][feature] = max(before, error) if both else error
    columns = [*FEATURES, "hierarchy"]
    print("".join([f"{'':8}", *(f"{column:>14}" for column in columns)]))
    for suffix, row in rows.items():
        cells = (row.get(column, row.get("refused", "")) for column in columns)
        print(f"{suffix:8}" + "".join(f"{c:14.1e}" if isinstance(c, float) else f"{c!s:>14}" for c in cells))
    write_rows("mesh_formats", rows)


if __name__ == "__main__":
    main()

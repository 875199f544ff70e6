"""Swapped: a part exchanged with the same-named part of another shape (Looking 3D, section 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.anomalies.donors import Donor
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.measure import CONTACT, join
from pipeline.anomalies.proof import require_moved
from pipeline.anomalies.task import Change, Task
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import Part, make_mesh

#: Thinner boxes are scaled as if they were this thick, in object radii: a sheet has no thickness to fit.
MIN_EXTENT = 1e-3
#: A part whose centre is farther than this from the plane x = 0 belongs to a side.
ASIDE = 0.05

Fit = Literal["box", "longest side"]


def draw(task: Task, random: np.random.Generator) -> Change:
    """Put a random donor in the target's place: as large as the target, and attached where it was.

    Every other draw scales the donor per axis to fill the target's bounding box, the rest keep its
    proportions and fit its longest side; both within ``swapped.scale_limits``. The point of contact
    with the rest of the object keeps its relative position in the bounding box. All shapes share the
    frame (+Y up, back toward -Z), so the donor keeps its orientation; it is mirrored in x where it
    comes from the other side. Raises UnitRejected ``no-donor``.
    """
    options = _options(task)
    if not options:
        raise UnitRejected("no-donor", f"no other shape of the split has a part like {task.target.label}")
    donor = options[int(random.integers(len(options)))]
    shape = task.donors.load(donor.shape_id)
    parts = [shape.part(i) for i in donor.node.part_ids]
    bounds = join(p.mesh for p in parts).bounds
    mirrored = _on_other_side(bounds, task.old.bounds)
    flip = np.array([-1.0 if mirrored else 1.0, 1.0, 1.0])
    bounds = np.sort(bounds * flip, axis=0)
    fit: Fit = "box" if random.random() < 0.5 else "longest side"
    scale = _scale(np.ptp(task.old.bounds, axis=0), np.ptp(bounds, axis=0), fit)
    scale = np.clip(scale, *task.config.swapped.scale_limits)
    contact = _contact(task)
    anchor = task.old.bounds[0] + contact * np.ptp(task.old.bounds, axis=0)
    offset = anchor - scale * (bounds[0] + contact * np.ptp(bounds, axis=0))
    meshes = [(p, _placed(p.mesh, scale * flip, offset)) for p in parts]
    parameters = {
        "donor_shape": donor.shape_id,
        "donor_parts": list(donor.node.part_ids),
        "donor_label": donor.node.label,
        "fit": fit,
        "scale": scale.tolist(),
        "translation": offset.tolist(),
        "mirrored": mirrored,
    }
    return Change(_assign(task, meshes), parameters, {})


def _options(task: Task) -> Sequence[Donor]:
    """Donors of the same label that fit, else all of the same label."""
    same_label = task.donors.same_label(task.target.label, but=task.shape.shape_id)
    return [d for d in same_label if _fits(task, d)] or same_label


def _fits(task: Task, donor: Donor) -> bool:
    low, high = task.config.swapped.scale_limits
    scale = _scale(np.ptp(task.old.bounds, axis=0), np.array(donor.node.extents), "box")
    return bool(((scale >= low) & (scale <= high)).all())


def _scale(target: NDArray[np.float64], donor: NDArray[np.float64], fit: Fit) -> NDArray[np.float64]:
    """(3,) scale that takes bounding-box sizes of the donor (3,) to the target's (3,), or its longest side."""
    ratio = np.maximum(target, MIN_EXTENT) / np.maximum(donor, MIN_EXTENT)
    return ratio if fit == "box" else np.full(3, ratio[target.argmax()])


def _on_other_side(donor: NDArray[np.float64], target: NDArray[np.float64]) -> bool:
    x, y = float(donor[:, 0].mean()), float(target[:, 0].mean())
    return min(abs(x), abs(y)) > ASIDE and x * y < 0


def _contact(task: Task) -> NDArray[np.float64]:
    """(3,) where the target touches the rest, on average, as a position in its bounding box (0 to 1 an axis)."""
    distances, _ = cKDTree(task.rest_points).query(task.old_points)
    touching = task.old_points[distances < CONTACT]
    if len(touching) == 0:
        return np.full(3, 0.5)
    box = np.maximum(np.ptp(task.old.bounds, axis=0), MIN_EXTENT)
    return np.clip((touching.mean(axis=0) - task.old.bounds[0]) / box, 0, 1)


def _placed(mesh: trimesh.Trimesh, scale: NDArray[np.float64], offset: NDArray[np.float64]) -> trimesh.Trimesh:
    faces = mesh.faces if np.prod(scale) > 0 else mesh.faces[:, ::-1]  # a mirror turns a mesh inside out
    return make_mesh(mesh.vertices * scale + offset, faces)


def _assign(task: Task, meshes: Sequence[tuple[Part, trimesh.Trimesh]]) -> dict[int, trimesh.Trimesh | None]:
    """Every donor mesh to the nearest target part of its label, else to the largest; the others are gone."""
    targets = [task.shape.part(i) for i in task.target.part_ids]
    largest = max(targets, key=lambda p: float(p.mesh.area))
    taken: dict[int, list[trimesh.Trimesh]] = defaultdict(list)
    for part, mesh in meshes:
        alike = [t for t in targets if t.label == part.label] or [largest]
        nearest = min(alike, key=lambda t: float(np.linalg.norm(t.mesh.bounds.mean(axis=0) - mesh.bounds.mean(axis=0))))
        taken[nearest.part_id].append(mesh)
    return {t.part_id: join(taken[t.part_id]) if t.part_id in taken else None for t in targets}


SWAPPED = Kind(draw, require_moved, needs_donor=True)

"""Swapped: a part exchanged with the same-named part of another shape (Looking 3D, section 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.anomalies.alignment import Box, box_in, fit_box, nearest_frame, turn_degrees
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.measure import SAMPLES, Points, join, nearest, sample
from pipeline.anomalies.proving.proof import Proof, needed_distance, require_changed, require_support
from pipeline.anomalies.targets.donors import Donor, box_size, fit_boxes
from pipeline.anomalies.task import Change, TargetUnfit, Task
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import Part, make_mesh

#: A part whose centre is farther than this from a plane of symmetry belongs to a side.
ASIDE = 0.05
#: ... and, of front and back, only if its centre is farther than this share of its depth: an armrest has no such side.
ASIDE_OF_DEPTH = 0.4
#: Donors looked at in a draw; the last is of the same kind, the others of the same label.
TRIES = 4
#: A fitted donor farther from the rest than the original, by this, is moved back to where the original touched.
SNAP = 0.01

#: Ways to fit a donor, as ``fit_boxes`` finds them.
FITS = ("box", "longest side")


def draw(task: Task, random: np.random.Generator) -> Change:
    """Put a random donor in the target's place: as large as the target, and attached where it was.

    The boxes of both are aligned, up to up and front to front: upright ones, or such as lie as a
    splayed leg or a reclined back does. A donor from the other side is mirrored. Every other one is scaled
    per axis to fill the target's box, the rest keep their proportions and fit its longest side; both
    within ``swapped.scale_limits``, else the other way. The point of contact with the rest of the object
    keeps its relative position in the box; where a gap is left, the nearest pair of points closes it.
    Raises UnitRejected ``no-donor``, ``no-fit``, or ``unchanged`` where none of ``TRIES`` donors differs.
    """
    options, are_all = _options(task, random)
    rejection: UnitRejected | None = None
    for donor in options:
        try:
            return _swap(task, donor, random)
        except UnitRejected as reason:
            rejection = reason
    assert rejection is not None, "there is an option"
    raise TargetUnfit(rejection.reason, rejection.message) if are_all else rejection


def _swap(task: Task, donor: Donor, random: np.random.Generator) -> Change:
    shape = task.donors.load(donor.shape_id)
    parts = [shape.part(i) for i in donor.node.part_ids]
    vertices = np.vstack([p.mesh.vertices[np.unique(p.mesh.faces)] for p in parts])
    flip = _flip(vertices, task.old.bounds)
    slot, box = _align(task, vertices * flip)
    fits = fit_boxes(box_size(slot.extents), box_size(box.extents), task.config.swapped.scale_limits)
    for fit in random.permutation([name for name, possible in zip(FITS, fits, strict=True) if possible]):
        ratio = slot.extents / box.extents
        scale = ratio if fit == "box" else np.full(3, ratio[slot.extents.argmax()])
        contact = _contact(task, slot)
        linear = slot.frame @ np.diag(scale) @ box.frame.T @ np.diag(flip)
        offset = slot.frame @ (slot.at(contact) - scale * box.at(contact))
        points = sample(join(_placed(p.mesh, linear, offset) for p in parts), SAMPLES, random)
        snap = _snap(task, points)
        if not _may_differ(task, points + snap):
            continue
        offset += snap
        turned = not np.array_equal(slot.frame @ box.frame.T, np.eye(3))
        parameters = {
            "donor_shape": donor.shape_id,
            "donor_parts": list(donor.node.part_ids),
            "donor_label": donor.node.label,
            "fit": str(fit),
            "scale": scale.tolist(),
            "turn_degrees": turn_degrees(box.frame, slot.frame),
            "linear": linear.tolist(),
            "translation": offset.tolist(),
            "mirrored": bool(np.prod(flip) < 0),
            "reversed": bool(flip[2] < 0),
        }
        method = f"swap by {'oriented' if turned else 'upright'} boxes"
        return Change(
            _assign(task, [(p, _placed(p.mesh, linear, offset)) for p in parts]), parameters, {"method": method}
        )
    raise UnitRejected("unchanged", f"donor {donor.shape_id} {donor.node.label} fits only as a twin, or not at all")


def accept(proof: Proof, config: AnomaliesConfig) -> None:
    """The donor differs from the original, is attached as well, and leaves nothing in the air.

    Raises UnitRejected as ``require_changed`` and ``require_support`` do.
    """
    require_changed(proof, config)
    require_support(proof, config)


def _options(task: Task, random: np.random.Generator) -> tuple[list[Donor], bool]:
    """Some donors that fit, at random: of the same label, then of the same kind; and whether these are all."""
    label, slot = task.target.label, box_size(task.target.extents)
    options: list[Donor] = []
    others = fitting = 0
    for pool, most in ((task.donors.same_label(label), TRIES - 1), (task.donors.same_kind(label), 1)):
        allowed = [donor for donor in pool if donor.shape_id != task.shape.shape_id]
        fits = [d for d in allowed if any(fit_boxes(slot, box_size(d.node.extents), task.config.swapped.scale_limits))]
        options += [fits[i] for i in random.permutation(len(fits))[:most]]
        others += len(allowed)
        fitting += len(fits)
    if not others:
        raise TargetUnfit("no-donor", f"no other shape of the split has a part like {label}")
    if not options:
        raise TargetUnfit(
            "no-fit",
            f"no part like {label} in other shapes of the split has such a size; "
            f"anomalies.swapped.scale_limits is {task.config.swapped.scale_limits}",
        )
    return options, len(options) == fitting


def _flip(donor: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) factors that mirror a donor, by its vertices (n, 3), to the side of the target's bounds (2, 3).

    Left and right always; front and back where both lie wholly on one side, as legs do.
    """
    bounds = np.array([donor.min(axis=0), donor.max(axis=0)])
    sides = [_side(b) for b in (bounds, target)]
    return np.where(sides[0] * sides[1] < 0, -1.0, 1.0)


def _side(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    centre, size = bounds.mean(axis=0), np.ptp(bounds, axis=0)
    is_aside = np.abs(centre) > [ASIDE, np.inf, max(ASIDE, ASIDE_OF_DEPTH * size[2])]
    return np.sign(centre) * is_aside


def _align(task: Task, donor: NDArray[np.float64]) -> tuple[Box, Box]:
    """Boxes of target and donor, by its vertices (n, 3); both upright where the donor would turn too far."""
    slot = task.old_box
    box = fit_box(donor)
    box = box_in(nearest_frame(box.frame, slot.frame), donor)
    if turn_degrees(box.frame, slot.frame) <= task.config.swapped.max_turn_degrees:
        return slot, box
    return box_in(np.eye(3), task.old.vertices), box_in(np.eye(3), donor)


def _contact(task: Task, slot: Box) -> NDArray[np.float64]:
    """(3,) where the target touches the rest, on average, as a position in its box (0 to 1 an axis)."""
    if len(task.contact) == 0:
        return np.full(3, 0.5)
    return np.clip((task.contact.mean(axis=0) @ slot.frame - slot.low) / slot.extents, 0, 1)


def _snap(task: Task, points: Points) -> Points:
    """(3,) translation that closes the gap, if any, from the donor's points to the parts that the original touched."""
    if len(task.contact) == 0:
        return np.zeros(3)
    distance, index = nearest(task.neighbour_tree, points)
    if distance.min() <= task.old_to_rest.min() + SNAP:
        return np.zeros(3)
    return np.asarray(task.neighbour_tree.data[index[distance.argmin()]] - points[distance.argmin()])


def _may_differ(task: Task, points: Points) -> bool:
    """False where the mean distance of sampled points, which surfaces cannot exceed, is too small for a swap."""
    there, back = nearest(task.old_tree, points)[0], nearest(cKDTree(points), task.old_points)[0]
    return bool((there.mean() + back.mean()) / 2 >= needed_distance(task.config, task.size))


def _placed(mesh: trimesh.Trimesh, linear: NDArray[np.float64], offset: NDArray[np.float64]) -> trimesh.Trimesh:
    faces = mesh.faces if np.linalg.det(linear) > 0 else mesh.faces[:, ::-1]  # a mirror turns a mesh inside out
    return make_mesh(mesh.vertices @ linear.T + offset, faces)


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


KIND = Kind(draw, accept, needs_donor=True)

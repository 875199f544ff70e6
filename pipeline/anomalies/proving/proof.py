"""The measured change of an anomaly, and what it must amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.triangles import points_to_barycentric

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.proving.measure import (
    CONTACT,
    SAMPLES,
    Points,
    SurfaceDistance,
    free_rays,
    join,
    nearest,
    sample,
    sample_faces,
    shows,
    surface_distance,
)
from pipeline.anomalies.proving.support import find_pieces, hanging, touching, touching_across
from pipeline.anomalies.task import Task
from pipeline.errors import UnitRejected
from pipeline.geometry.raycast import RayScene
from pipeline.shapes.shape import flatten

#: Points tested for exposure, of each surface.
EXPOSURE_SAMPLES = 200


@dataclass(frozen=True)
class Proof:
    """Old against new surface of the target. Lengths in object radii; None where nothing is left to measure.

    size: diagonal of the intact target's bounding box.
    mean_distance, max_distance: symmetric surface distance.
    displacement: mean distance that the target's material moved; None where it is not the same mesh, moved.
    gone_share: share of the old surface's area that is no longer there; new_share: of the new one's that was not.
    object_area_share: the target's share of the intact object's surface area.
    gap_before, gap_after: smallest sampled distance to the rest of the object.
    contact_before, contact_after: share of the target's surface that touches the rest.
    hanging_before: share of the intact object's surface that nothing holds to the ground; hanging_after:
        share of the changed object's that nothing holds any more (what already hung does not count).
    sink: how far the target reaches below the intact object's lowest point (0 when it does not).
    exposed_share: share of the changed surface that a camera of the upper hemisphere can see change.
    seen_before, seen_after: share of the target's whole surface that such a camera can reach.
    area_before, area_after. volume_before, volume_after: None for open meshes.
    watertight_before, watertight_after: all target meshes closed.
    """

    size: float
    mean_distance: float | None
    max_distance: float | None
    displacement: float | None
    gone_share: float
    new_share: float | None
    object_area_share: float
    gap_before: float
    gap_after: float | None
    contact_before: float
    contact_after: float | None
    hanging_before: float
    hanging_after: float
    sink: float
    exposed_share: float
    seen_before: float
    seen_after: float | None
    area_before: float
    area_after: float | None
    volume_before: float | None
    volume_after: float | None
    watertight_before: bool
    watertight_after: bool | None


def measure(task: Task, replaced: Mapping[int, trimesh.Trimesh | None], random: np.random.Generator) -> Proof:
    """Compare the intact target with ``replaced`` and both with the rest of the object.

    Where nothing is replaced, as in a change of surface, all of the target counts as changed surface.
    """
    before = [task.shape.part(i).mesh for i in task.target.part_ids]
    after = [mesh for mesh in replaced.values() if mesh is not None] if replaced else before
    new = join(after) if after else None
    points = sample(new, SAMPLES, random) if new else np.zeros((0, 3))
    to_rest = nearest(task.rest_tree, points)[0]
    distance = (
        _distance(task, new, random) if replaced else SurfaceDistance(0.0, 0.0, task.old_points, points, 0.0, 0.0)
    )
    scene = RayScene(flatten([(1, new)] if new else []))
    seen_before = free_rays(_thin(task.old_points), task.rest_scene, task.old_scene).any(axis=1)
    seen_after = free_rays(_thin(points), task.rest_scene, scene).any(axis=1)
    changed = [_changes(distance.gone, task, task.old_scene), _changes(distance.new, task, scene)]
    return Proof(
        size=task.size,
        mean_distance=distance.mean if new else None,
        max_distance=distance.max if new else None,
        displacement=_displacement(before, after, random) if replaced else 0.0,
        gone_share=distance.gone_share,
        new_share=distance.new_share if new else None,
        object_area_share=task.target.area_share,
        gap_before=float(task.old_to_rest.min()),
        gap_after=float(to_rest.min()) if new else None,
        contact_before=float((task.old_to_rest < CONTACT).mean()),
        contact_after=float((to_rest < CONTACT).mean()) if new else None,
        hanging_before=_hanging_before(task),
        hanging_after=_hanging_after(task, new, random),
        sink=max(0.0, float(task.ground - new.bounds[0, 1])) if new else 0.0,
        exposed_share=float(np.concatenate(changed).mean()) if sum(map(len, changed)) else 0.0,
        seen_before=float(seen_before.mean()),
        seen_after=float(seen_after.mean()) if new else None,
        area_before=float(task.old.area),
        area_after=float(new.area) if new else None,
        volume_before=_volume(before),
        volume_after=_volume(after) if after else None,
        watertight_before=all(mesh.is_watertight for mesh in before),
        watertight_after=all(mesh.is_watertight for mesh in after) if after else None,
    )


def _distance(task: Task, new: trimesh.Trimesh | None, random: np.random.Generator) -> SurfaceDistance:
    if new is None:
        return SurfaceDistance(0.0, 0.0, task.old_points, np.zeros((0, 3)), 1.0, 0.0)
    return surface_distance(task.old, new, random)


def _displacement(
    before: Sequence[trimesh.Trimesh], after: Sequence[trimesh.Trimesh], random: np.random.Generator
) -> float | None:
    same = len(before) == len(after) and all(
        len(b.vertices) == len(a.vertices) and np.array_equal(b.faces, a.faces)
        for b, a in zip(before, after, strict=True)
    )
    if not same:
        return None
    old, new = join(before), join(after)
    points, faces = sample_faces(old, SAMPLES, random)
    weights = points_to_barycentric(old.triangles[faces], points)
    moved = (weights[:, :, None] * new.triangles[faces]).sum(axis=1)
    return float(np.linalg.norm(moved - points, axis=1).mean())


def _hanging_before(task: Task) -> float:
    areas = np.concatenate([task.rest_pieces.areas, task.old_pieces.areas])
    return float(areas[task.hung].sum() / areas.sum())


def _hanging_after(task: Task, new: trimesh.Trimesh | None, random: np.random.Generator) -> float:
    surfaces, links, hung = [task.rest_pieces], [task.rest_links], task.hung
    count = len(task.rest_pieces.areas)
    if new is not None:
        pieces = find_pieces(new, SAMPLES, random)
        surfaces.append(pieces)
        links += [touching_across(task.rest_pieces, pieces), touching(pieces) + count]
        hung = np.append(hung[:count], np.full(len(pieces.areas), hung[count:].all()))
    else:
        hung = hung[:count]
    areas = np.concatenate([s.areas for s in surfaces])
    return float(areas[hanging(surfaces, links, task.ground) & ~hung].sum() / areas.sum())


def _changes(points: Points, task: Task, target: RayScene) -> NDArray[np.bool_]:
    """(n,) True for some of the points (m, 3) on ``target`` that a camera would see come or go."""
    points = _thin(points)
    return shows(points, free_rays(points, task.rest_scene, target), task.rest_scene)


def _thin(points: Points) -> Points:
    return points[:: len(points) // EXPOSURE_SAMPLES + 1]


def _volume(meshes: Sequence[trimesh.Trimesh]) -> float | None:
    return float(sum(m.volume for m in meshes)) if all(m.is_volume for m in meshes) else None


def require_visible(proof: Proof, config: AnomaliesConfig) -> None:
    """Some of what changed can be seen. Raises UnitRejected ``hidden``."""
    if proof.exposed_share < config.min_exposed_share:
        raise UnitRejected(
            "hidden",
            f"{proof.exposed_share:.2f} of the changed surface can be seen, "
            f"anomalies.min_exposed_share asks for {config.min_exposed_share}",
        )


def require_near(proof: Proof, config: AnomaliesConfig) -> None:
    """The part is still near the object, and above the ground. Raises UnitRejected ``floating`` or ``sunk``."""
    if proof.gap_after is None or proof.gap_after > max(config.max_gap, proof.gap_before):
        raise UnitRejected(
            "floating", f"{proof.gap_after} from the rest of the object, anomalies.max_gap allows {config.max_gap}"
        )
    if proof.sink > config.max_sink:
        raise UnitRejected("sunk", f"{proof.sink:.3f} below the ground, anomalies.max_sink allows {config.max_sink}")


def require_support(proof: Proof, config: AnomaliesConfig) -> None:
    """What stood still stands, or is held by what does. Raises UnitRejected ``hanging``."""
    if proof.hanging_after > config.max_hanging_share:
        raise UnitRejected(
            "hanging",
            f"{proof.hanging_after:.3f} of the surface would hang in the air, "
            f"anomalies.max_hanging_share allows {config.max_hanging_share}",
        )


def require_moved(proof: Proof, config: AnomaliesConfig) -> None:
    """A moved part: the eye can tell that it moved, and it is in a plausible place.

    Raises UnitRejected ``unchanged`` (a symmetric turn, a slide along itself), ``floating``, ``sunk``,
    ``buried`` or ``hidden``.
    """
    require_changed(proof, config)
    perceived = proof.mean_distance / proof.displacement if proof.mean_distance and proof.displacement else 0.0
    if perceived < config.min_perceived_share:
        raise UnitRejected(
            "unchanged",
            f"the surface moved {perceived:.2f} of what its material did, "
            f"anomalies.min_perceived_share asks for {config.min_perceived_share}",
        )


def needed_distance(config: AnomaliesConfig, size: float) -> float:
    """Mean surface distance that counts as changed, for a part whose bounding box has the diagonal ``size``."""
    return max(config.min_mean_distance, config.min_relative_distance * size)


def require_changed(proof: Proof, config: AnomaliesConfig) -> None:
    """The surface differs clearly, is where it is plausible, and can be seen.

    Raises UnitRejected ``unchanged`` (a twin), ``floating``, ``sunk``, ``buried`` or ``hidden``.
    """
    needed = needed_distance(config, proof.size)
    if proof.mean_distance is None or proof.mean_distance < needed:
        raise UnitRejected(
            "unchanged",
            f"mean surface distance {proof.mean_distance}, anomalies.min_mean_distance and "
            f"min_relative_distance ask for {needed:.4f} of a part of size {proof.size:.3f}",
        )
    if proof.gone_share < config.min_gone_share:
        raise UnitRejected(
            "unchanged",
            f"{proof.gone_share:.2f} of the part's surface is gone, anomalies.min_gone_share asks for "
            f"{config.min_gone_share}",
        )
    require_near(proof, config)
    require_visible(proof, config)
    if proof.seen_after is None or proof.seen_after < config.min_seen_ratio * proof.seen_before:
        raise UnitRejected(
            "buried",
            f"{proof.seen_after:.2f} of the part's surface can be seen, {proof.seen_before:.2f} before; "
            f"anomalies.min_seen_ratio asks for {config.min_seen_ratio}",
        )

"""What must hold of every mesh: by itself, and with the views, points and queries of its shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.format.cameras import pixel_centres, unproject
from pipeline.format.schema import Gaps, Mesh, QueryRecord, ShapeRecord

#: What stored float32 depth, cameras and points say lies on the surface lies within this of it, in world units.
POSITION_TOLERANCE = 1e-5


def mesh_problems(mesh: Mesh) -> list[str]:
    """Contradictions inside a mesh: numbers, indices, parts and labels.

    >>> corners, faces = np.eye(3, dtype=np.float32), np.array([[0, 1, 3]], np.int32)
    >>> mesh_problems(Mesh(corners, faces, np.array([1], np.uint16), {1: "chair/chair_seat"}))
    ['faces/vertices names vertices other than 0 to 2']
    """
    problems = []
    if not np.isfinite(mesh.vertices).all():
        problems.append("vertices/position holds NaN or infinity")
    if ((mesh.faces < 0) | (mesh.faces >= len(mesh.vertices))).any():
        problems.append(f"faces/vertices names vertices other than 0 to {len(mesh.vertices) - 1}")
    if (np.diff(mesh.part_ids.astype(np.int64)) < 0).any() or list(mesh.labels) != sorted(mesh.labels):
        problems.append("faces/ or parts/ are not in the order of part ids")
    with_faces = set(np.unique(mesh.part_ids).tolist())
    for what, ids in (
        ("have no faces", mesh.labels.keys() - with_faces),
        ("have no label", with_faces - {part_id for part_id, label in mesh.labels.items() if label}),
        ("are the background's", {0} & mesh.labels.keys()),
    ):
        if ids:
            problems.append(f"part ids {sorted(ids)} {what}")
    if not with_faces:
        problems.append("it has no faces")
    return problems


def reference_problems(shape: ShapeRecord, mesh: Mesh, views: Iterable[int], gaps: Gaps) -> list[str]:
    """Contradictions between a sound mesh and its shape's surface points and ``views``, whose cameras are sound.

    Every pixel must lie in the bounding box of the part that it shows, every point in that of the whole.
    """
    low, high = _part_boxes(mesh)
    away = _beyond(shape.points, low.min(axis=0), high.max(axis=0))
    problems = [] if away <= POSITION_TOLERANCE else [f"points are up to {away:.3g} outside of the mesh's bounding box"]
    if not {"shapes/depth", "shapes/part_ids"}.isdisjoint(gaps.unknown):
        return problems
    centres = pixel_centres(*shape.image.shape[1:])
    for view in views:
        seen = shape.part_ids[view] > 0
        ids = shape.part_ids[view][seen]
        foreign = _foreign(ids, mesh)
        if foreign:
            problems.append(f"view {view}: part_ids shows {foreign}, which the mesh lacks")
            continue
        xyz = unproject(shape.K[view], shape.world_to_camera[view], centres[seen], shape.depth[view][seen])
        box = np.searchsorted(list(mesh.labels), ids)
        away = _beyond(xyz, low[box], high[box])
        if not away <= POSITION_TOLERANCE:
            problems.append(f"view {view}: depth is up to {away:.3g} outside of the bounding boxes of its parts")
    return problems


def query_mesh_problems(query: QueryRecord, mesh: Mesh) -> list[str]:
    """Parts that a query shows or names and the mesh of its shape lacks."""
    foreign = _foreign(query.part_ids[query.part_ids > 0], mesh)
    problems = [f"part_ids shows {foreign}, which the mesh lacks"] if foreign else []
    paths = {f"{label}/" for label in mesh.labels.values()}
    for number, anomaly in enumerate(query.anomalies):
        if not any(path.startswith(f"{anomaly.part_label}/") for path in paths):
            problems.append(f"anomaly {number}: part_label {anomaly.part_label!r} is neither a part's nor above one")
    return problems


def _part_boxes(mesh: Mesh) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper corners (k, 3) of the parts' bounding boxes, in the order of their ids."""
    corners = mesh.vertices[mesh.faces]
    first = np.unique(mesh.part_ids, return_index=True)[1]
    low, high = np.minimum.reduceat(corners.min(axis=1), first), np.maximum.reduceat(corners.max(axis=1), first)
    return low, high


def _beyond(xyz: NDArray[np.floating], low: NDArray[np.float32], high: NDArray[np.float32]) -> float:
    """How far the farthest of positions (n, 3) is outside of boxes, along an axis; NaN if a position is."""
    return float(np.maximum(low - xyz, xyz - high).max(initial=0.0))


def _foreign(part_ids: NDArray[np.uint16], mesh: Mesh) -> Sequence[int]:
    return sorted(set(np.flatnonzero(np.bincount(part_ids)).tolist()) - mesh.labels.keys())

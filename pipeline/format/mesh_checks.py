"""What must hold of every mesh: by itself, and with the views, points and queries of its shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.format.cameras import pixel_centres, unproject
from pipeline.format.checks import POSITION_TOLERANCE, camera_problems
from pipeline.format.problems import Problem
from pipeline.format.schema import Gaps, Mesh, QueryRecord, ShapeRecord
from pipeline.format.surface import Surface

#: Pixels of each image, spread over the object, that are looked for on the surface itself.
LOOKED_FOR = 16


def mesh_problems(mesh: Mesh) -> list[Problem]:
    """Contradictions inside a mesh: numbers, indices, parts and labels.

    >>> corners, faces = np.eye(3, dtype=np.float32), np.array([[0, 1, 3]], np.int32)
    >>> print(*mesh_problems(Mesh(corners, faces, np.array([1], np.uint16), {1: "chair/chair_seat"})))
    faces/vertices names vertices other than 0 to 2
    """
    problems = []
    if not np.isfinite(mesh.vertices).all():
        problems.append(Problem("vertices/position holds NaN or infinity"))
    if ((mesh.faces < 0) | (mesh.faces >= len(mesh.vertices))).any():
        problems.append(Problem("faces/vertices names vertices other than 0 to {}", (len(mesh.vertices) - 1,)))
    if (np.diff(mesh.part_ids.astype(np.int64)) < 0).any() or list(mesh.labels) != sorted(mesh.labels):
        problems.append(Problem("faces/ or parts/ are not in the order of part ids"))
    with_faces = set(np.unique(mesh.part_ids).tolist())
    for what, ids in (
        ("have no faces", mesh.labels.keys() - with_faces),
        ("have no label", with_faces - {part_id for part_id, label in mesh.labels.items() if label}),
        ("are the background's", {0} & mesh.labels.keys()),
    ):
        if ids:
            problems.append(Problem(f"part ids {{}} {what}", (sorted(ids),)))
    if not with_faces:
        problems.append(Problem("it has no faces"))
    return problems


class _Image(NamedTuple):
    """What a camera sees of the intact shape: ``pixels`` (H, W) of depth and part ids."""

    where: str
    K: NDArray[np.float32]
    world_to_camera: NDArray[np.float32]
    depth: NDArray[np.float32]
    part_ids: NDArray[np.uint16]
    pixels: NDArray[np.bool_]


def reference_problems(shape: ShapeRecord, surface: Surface, gaps: Gaps) -> list[Problem]:
    """Contradictions between the surface of a shape and its points and views.

    Every point must lie in the bounding box of the whole, every pixel in that of the part that it shows, and some
    pixels of each view on that part itself.
    """
    away = _beyond(shape.points, surface.low.min(axis=0), surface.high.max(axis=0))
    outside = Problem("points are up to {:.3g} outside of the mesh's bounding box", (away,))
    problems = [] if away <= POSITION_TOLERANCE else [outside]
    if not {"shapes/depth", "shapes/part_ids"}.isdisjoint(gaps.unknown):
        return problems
    centres = pixel_centres(*shape.image.shape[1:])
    images = []
    for view in range(len(shape.image)):
        K, pose, depth, part_ids = (a[view] for a in (shape.K, shape.world_to_camera, shape.depth, shape.part_ids))
        if camera_problems(K, pose):
            continue
        seen = (part_ids > 0) & (depth > 0)
        ids = part_ids[seen]
        found = _foreign(ids, surface.part_ids)
        if not found:
            box = np.searchsorted(surface.part_ids, ids)
            away = _beyond(unproject(K, pose, centres[seen], depth[seen]), surface.low[box], surface.high[box])
            if not away <= POSITION_TOLERANCE:
                found = [Problem("depth is up to {:.3g} outside of the bounding boxes of its parts", (away,))]
        problems += [problem.within(f"view {view}") for problem in found]
        if not found:
            images.append(_Image(f"view {view}", K, pose, depth, part_ids, seen))
    return problems + _depth_problems(images, surface)


def query_mesh_problems(queries: Sequence[QueryRecord], mesh: Mesh) -> list[Problem]:
    """Parts that queries show or name and the mesh of their shape lacks."""
    problems = []
    paths = {f"{label}/" for label in mesh.labels.values()}
    for query in queries:
        found = _foreign(query.part_ids[query.part_ids > 0], [*mesh.labels])
        for number, anomaly in enumerate(query.anomalies):
            if not any(path.startswith(f"{anomaly.part_label}/") for path in paths):
                unknown = Problem("part_label {!r} is neither a part's nor above one", (anomaly.part_label,))
                found.append(unknown.within(f"anomaly {number}"))
        problems += [problem.within(query.name) for problem in found]
    return problems


def query_depth_problems(queries: Sequence[QueryRecord], surface: Surface, gaps: Gaps) -> list[Problem]:
    """Queries whose camera and depth contradict the intact surface where no anomaly is."""
    told = {"queries/depth", "queries/part_ids"}.isdisjoint(gaps.unknown)
    if not told or not {"queries/K", "queries/world_to_camera"}.isdisjoint(gaps.estimated):
        return []
    images = []
    for q in queries:
        if not camera_problems(q.K, q.world_to_camera):
            intact = (q.part_ids > 0) & (q.depth > 0) & (q.mask_new == 0)
            images.append(_Image(q.name, q.K, q.world_to_camera, q.depth, q.part_ids, intact))
    return _depth_problems(images, surface)


def _depth_problems(images: Sequence[_Image], surface: Surface) -> list[Problem]:
    """Images whose camera and depth put pixels beside the parts that they show; a few pixels of each are tried."""
    if not images:
        return []
    positions, part_ids = zip(*map(_sample, images), strict=True)
    held = surface.holds(np.concatenate(positions), np.concatenate(part_ids), POSITION_TOLERANCE)
    problems = []
    ends = np.cumsum([len(ids) for ids in part_ids])
    for image, own in zip(images, np.split(held, ends[:-1]), strict=True):
        if not own.all():
            off, counts = "camera and depth put {} of {} pixels off the parts that they show", (np.sum(~own), len(own))
            problems.append(Problem(off, counts, (image.where,)))
    return problems


def _sample(image: _Image) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    """Positions (n, 3) and part ids (n,) of pixels of an image, evenly among its ``pixels``."""
    row, column = np.nonzero(image.pixels)
    some = np.linspace(0, len(row) - 1, min(LOOKED_FOR, len(row))).astype(int)
    row, column = row[some], column[some]
    centres = np.stack([column, row], axis=1) + 0.5
    return unproject(image.K, image.world_to_camera, centres, image.depth[row, column]), image.part_ids[row, column]


def _beyond(xyz: NDArray[np.floating], low: NDArray[np.floating], high: NDArray[np.floating]) -> float:
    """How far the farthest of positions (n, 3) is outside of boxes, along an axis; NaN if a position is."""
    return float(np.maximum(low - xyz, xyz - high).max(initial=0.0))


def _foreign(part_ids: NDArray[np.uint16], known: Sequence[int] | NDArray[np.uint16]) -> list[Problem]:
    """Of a mesh with ``known`` part ids."""
    foreign = np.setdiff1d(np.flatnonzero(np.bincount(part_ids)), known).tolist()
    return [Problem("part_ids shows {}, which the mesh lacks", (foreign,))] if foreign else []

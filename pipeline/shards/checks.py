"""What must hold in every record: pure functions that return the problems they find, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.anomalies.anomaly import LABELS
from pipeline.geometry.cameras import Camera, project
from pipeline.shards.schema import PATCH, QueryRecord, ShapeRecord
from pipeline.views.visibility import bounding_box

#: Stored float32 points reproject to stored float32 pixels within this.
PIXEL_TOLERANCE = 0.01
#: Entries of R R^T differ from the identity by less than this in float32.
ROTATION_TOLERANCE = 1e-4


def anomaly_region(query: QueryRecord) -> NDArray[np.uint8]:
    """The mask that the box bounds: where the part is, or for a missing part where it was."""
    return query.mask_old if query.type_name == "missing" else query.mask_new


def name_problems(name: str, shape_id: str, label: int) -> list[str]:
    """The published stem must be ``render_<shape>_..._<normal|anomaly>``: loaders take both from it."""
    fields = name.split("_")
    problems = []
    if fields[:2] != ["render", shape_id]:
        problems.append(f"name {name!r} does not begin with render_{shape_id}_")
    if fields[-1] != ("normal", "anomaly")[label] or ("anomaly" in name) != bool(label):
        problems.append(f"name {name!r} contradicts label {label}")
    return problems


def query_problems(query: QueryRecord) -> list[str]:
    """Contradictions inside one query: masks, part ids, depth, box, camera."""
    if query.anomaly_type >= len(LABELS):
        return [f"anomaly_type {query.anomaly_type} is not one of 0 to {len(LABELS) - 1}"]
    problems = []
    for name in ("mask_new", "mask_old", "object_mask", "object_mask_normal"):
        if not np.isin(getattr(query, name), (0, 255)).all():
            problems.append(f"{name} holds values other than 0 and 255")
    seen = query.part_ids > 0
    if ((query.object_mask > 0) != seen).any():
        problems.append("object_mask is not where part_ids > 0")
    if ((query.depth > 0) != seen).any():
        problems.append("depth > 0 is not where part_ids > 0")
    if bool(query.part_label) != bool(query.label):
        problems.append(f"part_label {query.part_label!r} contradicts label {query.label}")
    problems += _anomaly_problems(query) if query.label else _normal_problems(query)
    return problems + camera_problems(query.K, query.world_to_camera)


def _normal_problems(query: QueryRecord) -> list[str]:
    problems = []
    if query.mask_new.any() or query.mask_old.any():
        problems.append("a normal image has anomaly masks that are not empty")
    if query.bbox.any():
        problems.append(f"a normal image has bbox {query.bbox.tolist()}, expected zeros")
    if (query.object_mask != query.object_mask_normal).any():
        problems.append("a normal image has object_mask unlike object_mask_normal")
    return problems


def _anomaly_problems(query: QueryRecord) -> list[str]:
    problems = []
    new = query.mask_new > 0
    cut = np.intersect1d(query.part_ids[new], query.part_ids[~new])
    if (query.part_ids[new] == 0).any() or len(cut):
        problems.append(f"mask_new is not a union of whole parts (it splits part ids {cut.tolist()})")
    if ((query.mask_old > 0) & (query.object_mask_normal == 0)).any():
        problems.append("mask_old leaves object_mask_normal")
    if query.type_name == "missing" and new.any():
        problems.append("a missing part has pixels in mask_new")
    height, width = new.shape
    x, y, w, h = query.bbox.tolist()
    tight = bounding_box(anomaly_region(query))
    if x < 0 or y < 0 or w <= 0 or h <= 0 or x + w > width or y + h > height:
        problems.append(f"bbox {[x, y, w, h]} is empty or outside the {width}x{height} image")
    elif (x, y, w, h) != tight:
        problems.append(f"bbox {[x, y, w, h]} is not the tight box of its mask, {list(tight)}")
    return problems


def camera_problems(K: NDArray[Any], world_to_camera: NDArray[Any]) -> list[str]:
    """K must be a pinhole's, the pose a rotation and a translation."""
    problems = []
    if not (K[0, 0] > 0 and K[1, 1] > 0 and K[2].tolist() == [0, 0, 1]):
        problems.append(f"K {K.tolist()} is not a pinhole's intrinsics")
    rotation = world_to_camera[:3, :3].astype(np.float64)
    orthonormal = np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=ROTATION_TOLERANCE)
    if not orthonormal or np.linalg.det(rotation) < 0 or world_to_camera[3].tolist() != [0, 0, 0, 1]:
        problems.append(f"world_to_camera is not a rotation and a translation: {world_to_camera.tolist()}")
    return problems


def shape_problems(shape: ShapeRecord) -> list[str]:
    """Contradictions inside one reference shape, view by view; its queries are not looked at."""
    problems = []
    for view in range(len(shape.image)):
        found = camera_problems(shape.K[view], shape.world_to_camera[view])
        found += _view_problems(shape, view)
        if not found:
            found = _point_problems(shape, view)
        problems += [f"view {view}: {problem}" for problem in found]
    return problems


def _view_problems(shape: ShapeRecord, view: int) -> list[str]:
    hit = shape.depth[view] > 0
    problems = []
    if ((shape.part_ids[view] > 0) != hit).any():
        problems.append("depth > 0 is not where part_ids > 0")
    rows, columns = shape.patch_valid.shape[1:]
    hit_patches = hit.reshape(rows, PATCH, columns, PATCH).any(axis=(1, 3))
    if (shape.patch_valid[view] & ~hit_patches).any():
        problems.append("patch_valid where no pixel of the patch hits the object")
    return problems


def _point_problems(shape: ShapeRecord, view: int) -> list[str]:
    height, width = shape.image.shape[1:]
    camera = Camera(shape.K[view].astype(np.float64), shape.world_to_camera[view].astype(np.float64), width)
    expected, depth = project(camera, shape.points.astype(np.float64))
    stored = shape.point_pixels[view]
    visible = shape.point_visible[view]
    problems = []
    error = np.abs(expected - stored)[depth > 0].max(initial=0.0)
    if not error <= PIXEL_TOLERANCE:
        problems.append(f"point_pixels are up to {error:.3g} px from the projection of points")
    outside = (depth <= 0) | (stored < 0).any(axis=1) | (stored >= (width, height)).any(axis=1)
    if (visible & outside).any():
        problems.append("point_visible marks points outside the view")
    return problems

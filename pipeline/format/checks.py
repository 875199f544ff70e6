"""What must hold in every record: pure functions that return the problems they find, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.format.boxes import bounding_box
from pipeline.format.cameras import project
from pipeline.format.combine import combine
from pipeline.format.labels import NORMAL, SEVERAL
from pipeline.format.problems import Problem
from pipeline.format.schema import (
    MAY_BE_ESTIMATED,
    MAY_BE_UNKNOWN,
    MESH_COLUMNS,
    PATCH,
    QUERY_RECORD,
    SHAPES,
    AnomalyRecord,
    Column,
    Gaps,
    QueryRecord,
    ShapeRecord,
)

#: Stored float32 points reproject to stored float32 pixels within this.
PIXEL_TOLERANCE = 0.01
#: What stored float32 depth, cameras and points say of one place differs by less than this, in world units.
POSITION_TOLERANCE = 1e-5
#: Entries of R R^T differ from the identity by less than this in float32.
ROTATION_TOLERANCE = 1e-4


def name_problems(name: str, shape_id: str, label: int) -> list[Problem]:
    """The published stem must be ``render_<shape>_..._<normal|anomaly>``: loaders take both from it.

    >>> print(*name_problems("render_7_0_2.5_20_30_3_anomaly", "7", label=0))
    name 'render_7_0_2.5_20_30_3_anomaly' contradicts label 0
    """
    fields = name.split("_")
    problems = []
    if fields[:2] != ["render", shape_id]:
        problems.append(Problem("name {!r} does not begin with render_{}_", (name, shape_id)))
    if fields[-1] != ("normal", "anomaly")[label] or ("anomaly" in name) != bool(label):
        problems.append(Problem("name {!r} contradicts label {}", (name, label)))
    return problems


def gaps_problems(gaps: Gaps) -> list[Problem]:
    """Only some columns may be unknown or estimated."""
    problems = []
    for kind, columns, allowed in (
        ("unknown", gaps.unknown, MAY_BE_UNKNOWN),
        ("estimated", gaps.estimated, MAY_BE_ESTIMATED),
    ):
        untold = sorted(set(columns) - set(allowed))
        problems += [Problem("attribute {} names {}, which must be told", (kind, column)) for column in untold]
    if gaps.no_meshes and not set(MESH_COLUMNS) <= set(gaps.unknown):
        problems.append(Problem(f"attribute unknown names some of {', '.join(MESH_COLUMNS)}, not all"))
    return problems


def query_problems(query: QueryRecord, gaps: Gaps) -> list[Problem]:
    """Contradictions inside one query: types, masks, part ids, depth, boxes, camera."""
    problems = _type_problems(query)
    if problems:
        return problems
    whole = combine(query.anomalies, query.part_ids.shape)
    if query.anomaly_type != whole.anomaly_type:
        types = ", ".join(anomaly.type_name for anomaly in query.anomalies) or "none"
        problems.append(Problem("it is {}, but its rows of anomalies/ are {}", (query.type_name, types)))
    for name in ("part_label", "bbox", "mask_new", "mask_old"):
        if not np.array_equal(getattr(query, name), getattr(whole, name)):
            made = f"{name} is not what its rows of anomalies/ make it"
            problems.append(Problem(made if query.label or query.anomalies else f"a normal image has {name}"))
    for name in ("object_mask", "object_mask_normal"):
        problems += _mask_problems(name, getattr(query, name))
    problems += _unknown_problems(query, "queries", gaps)
    if "queries/part_ids" not in gaps.unknown:
        seen = query.part_ids > 0
        if "queries/object_mask" not in gaps.estimated and ((query.object_mask > 0) != seen).any():
            problems.append(Problem("object_mask is not where part_ids > 0"))
        if "queries/depth" not in gaps.unknown and ((query.depth > 0) != seen).any():
            problems.append(Problem("depth > 0 is not where part_ids > 0"))
    if not query.label and (query.object_mask != query.object_mask_normal).any():
        problems.append(Problem("a normal image has object_mask unlike object_mask_normal"))
    for number, anomaly in enumerate(query.anomalies):
        problems += [found.within(f"anomaly {number}") for found in _anomaly_problems(anomaly, query, gaps)]
    for name in ("mask_new", "mask_old"):
        shown = [getattr(anomaly, name) > 0 for anomaly in query.anomalies]
        if np.sum(shown, axis=0).max(initial=0) > 1:
            problems.append(Problem(f"two anomalies share pixels of {name}"))
    return problems + camera_problems(query.K, query.world_to_camera)


def _unknown_problems(record: QueryRecord | ShapeRecord, group: str, gaps: Gaps) -> list[Problem]:
    """What is said to be unknown must not hold anything."""
    names = (column.removeprefix(f"{group}/") for column in gaps.unknown if column.startswith(f"{group}/"))
    told = (name for name in names if np.count_nonzero(getattr(record, name)))
    return [Problem(f"{name} is said to be unknown, but holds something") for name in told]


def _type_problems(query: QueryRecord) -> list[Problem]:
    names = query.type_names
    found = [query.anomaly_type, *(anomaly.anomaly_type for anomaly in query.anomalies)]
    unknown = [(value, len(names) - 1) for value in found if value >= len(names)]
    problems = [Problem("anomaly_type {} is not one of 0 to {}", values) for values in unknown]
    for anomaly in query.anomalies if not problems else ():
        if anomaly.type_name in (NORMAL, SEVERAL):
            problems.append(Problem("a row of anomalies/ has type {}", (anomaly.type_name,)))
    if len(query.anomalies) > 1 and SEVERAL not in names:
        lacking = f"it has {{}} rows of anomalies/, but the file's names lack {SEVERAL}"
        problems.append(Problem(lacking, (len(query.anomalies),)))
    return problems


def _anomaly_problems(anomaly: AnomalyRecord, query: QueryRecord, gaps: Gaps) -> list[Problem]:
    problems = _mask_problems("mask_new", anomaly.mask_new) + _mask_problems("mask_old", anomaly.mask_old)
    if not anomaly.part_label:
        problems.append(Problem("part_label is empty"))
    new = anomaly.mask_new > 0
    if "queries/part_ids" not in gaps.unknown:
        cut = np.intersect1d(query.part_ids[new], query.part_ids[~new])
        if (query.part_ids[new] == 0).any() or len(cut):
            problems.append(Problem("mask_new is not a union of whole parts (it splits part ids {})", (cut.tolist(),)))
    left = (anomaly.mask_old > 0) & (query.object_mask_normal == 0)
    if "queries/object_mask_normal" not in gaps.estimated and left.any():
        problems.append(Problem("mask_old leaves object_mask_normal"))
    if anomaly.type_name == "missing" and new.any():
        problems.append(Problem("a missing part has pixels in mask_new"))
    box, tight = anomaly.bbox.tolist(), list(bounding_box(anomaly.region))
    outside = _box_problems(anomaly)
    if not outside and box != tight:
        problems.append(Problem("bbox {} is not the tight box of its mask, {}", (box, tight)))
    return problems + outside


def _box_problems(anomaly: AnomalyRecord) -> list[Problem]:
    height, width = anomaly.mask_new.shape
    x, y, w, h = anomaly.bbox.tolist()
    if x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= width and y + h <= height:
        return []
    return [Problem("bbox {} is empty or outside the {}x{} image", ([x, y, w, h], width, height))]


def _mask_problems(name: str, mask: NDArray[np.uint8]) -> list[Problem]:
    return [] if np.isin(mask, (0, 255)).all() else [Problem(f"{name} holds values other than 0 and 255")]


def camera_problems(K: NDArray[Any], world_to_camera: NDArray[Any]) -> list[Problem]:
    """K must be a pinhole's, the pose a rotation and a translation."""
    problems = []
    if not (K[0, 0] > 0 and K[1, 1] > 0 and K[1, 0] == 0 and K[2].tolist() == [0, 0, 1]):
        problems.append(Problem("K {} is not a pinhole's intrinsics", (K.tolist(),)))
    rotation = world_to_camera[:3, :3].astype(np.float64)
    orthonormal = np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=ROTATION_TOLERANCE)
    finite = np.isfinite(K).all() and np.isfinite(world_to_camera).all()
    if not finite or not orthonormal or np.linalg.det(rotation) < 0 or world_to_camera[3].tolist() != [0, 0, 0, 1]:
        pose = world_to_camera.tolist()
        problems.append(Problem("world_to_camera is not a rotation and a translation: {}", (pose,)))
    return problems


def hidden_shape(shape: ShapeRecord) -> list[Problem]:
    """Why no ray can be cast at a reference shape: numbers that are not finite, cameras that are none."""
    problems = _not_finite(shape, SHAPES)
    if not (shape.depth >= 0).all():
        problems.append(Problem("depth is negative"))
    for view, (K, pose) in enumerate(zip(shape.K, shape.world_to_camera, strict=True)):
        problems += [problem.within(f"view {view}") for problem in camera_problems(K, pose)]
    return problems


def hidden_query(query: QueryRecord) -> list[Problem]:
    """Why a query cannot be shown: numbers that are not finite, no camera, boxes outside of the image."""
    problems = _not_finite(query, QUERY_RECORD) + camera_problems(query.K, query.world_to_camera)
    for number, anomaly in enumerate(query.anomalies):
        problems += [problem.within(f"anomaly {number}") for problem in _box_problems(anomaly)]
    return problems


def _not_finite(record: QueryRecord | ShapeRecord, columns: Mapping[str, Column]) -> list[Problem]:
    numbers = (name for name, column in columns.items() if column.dtype.startswith("f"))
    unlike = (name for name in numbers if not np.isfinite(getattr(record, name)).all())
    return [Problem("{} holds NaN or infinity", (name,)) for name in unlike]


def shape_problems(shape: ShapeRecord, gaps: Gaps) -> list[Problem]:
    """Contradictions inside one reference shape, view by view; its mesh and its queries are not looked at."""
    problems = _unknown_problems(shape, "shapes", gaps)
    for view in range(len(shape.image)):
        found = camera_problems(shape.K[view], shape.world_to_camera[view])
        found += _view_problems(shape, view, gaps)
        found = found or [*_point_problems(shape, view), *_patch_problems(shape, view, gaps)]
        problems += [problem.within(f"view {view}") for problem in found]
    return problems


def _view_problems(shape: ShapeRecord, view: int, gaps: Gaps) -> list[Problem]:
    if "shapes/depth" in gaps.unknown:
        return []
    hit = shape.depth[view] > 0
    problems = []
    if "shapes/part_ids" not in gaps.unknown and ((shape.part_ids[view] > 0) != hit).any():
        problems.append(Problem("depth > 0 is not where part_ids > 0"))
    rows, columns = shape.patch_valid.shape[1:]
    hit_patches = hit.reshape(rows, PATCH, columns, PATCH).any(axis=(1, 3))
    if (shape.patch_valid[view] & ~hit_patches).any():
        problems.append(Problem("patch_valid where no pixel of the patch hits the object"))
    return problems


def _point_problems(shape: ShapeRecord, view: int) -> list[Problem]:
    height, width = shape.image.shape[1:]
    expected, depth = project(shape.K[view], shape.world_to_camera[view], shape.points.astype(np.float64))
    stored = shape.point_pixels[view]
    visible = shape.point_visible[view]
    problems = []
    error = np.abs(expected - stored)[depth > 0].max(initial=0.0)
    if not error <= PIXEL_TOLERANCE:
        problems.append(Problem("point_pixels are up to {:.3g} px from the projection of points", (error,)))
    outside = (depth <= 0) | (stored < 0).any(axis=1) | (stored >= (width, height)).any(axis=1)
    if (visible & outside).any():
        problems.append(Problem("point_visible marks points outside the view"))
    return problems


def _patch_problems(shape: ShapeRecord, view: int, gaps: Gaps) -> list[Problem]:
    """A patch's position must be where the camera and the depth of one of its pixels put that."""
    if "shapes/depth" in gaps.unknown:
        return []
    row, column = np.nonzero(shape.patch_valid[view])
    pixels, depth = project(shape.K[view], shape.world_to_camera[view], shape.patch_xyz[view, row, column])
    x, y = np.clip(pixels // 1 - PATCH * np.stack([column, row], axis=1), 0, PATCH - 1).astype(int).T
    x, y = PATCH * column + x, PATCH * row + y
    centred = (np.abs(pixels - np.stack([x, y], axis=1) - 0.5) <= PIXEL_TOLERANCE).all(axis=1)
    wrong = np.count_nonzero(~(centred & (np.abs(depth - shape.depth[view, y, x]) <= POSITION_TOLERANCE)))
    elsewhere = "patch_xyz of {} of {} patches is not where camera and depth put a pixel of theirs"
    return [Problem(elsewhere, (wrong, len(row)))] if wrong else []

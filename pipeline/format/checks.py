"""What must hold in every record: pure functions that return the problems they find, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format.boxes import bounding_box
from pipeline.format.cameras import project
from pipeline.format.combine import combine
from pipeline.format.labels import NORMAL, SEVERAL
from pipeline.format.mesh_checks import mesh_problems, reference_problems
from pipeline.format.schema import (
    MAY_BE_ESTIMATED,
    MAY_BE_UNKNOWN,
    MESH_COLUMNS,
    PATCH,
    AnomalyRecord,
    Gaps,
    QueryRecord,
    ShapeRecord,
)

#: Stored float32 points reproject to stored float32 pixels within this.
PIXEL_TOLERANCE = 0.01
#: Entries of R R^T differ from the identity by less than this in float32.
ROTATION_TOLERANCE = 1e-4


def name_problems(name: str, shape_id: str, label: int) -> list[str]:
    """The published stem must be ``render_<shape>_..._<normal|anomaly>``: loaders take both from it.

    >>> name_problems("render_7_0_2.5_20_30_3_anomaly", "7", label=0)
    ["name 'render_7_0_2.5_20_30_3_anomaly' contradicts label 0"]
    """
    fields = name.split("_")
    problems = []
    if fields[:2] != ["render", shape_id]:
        problems.append(f"name {name!r} does not begin with render_{shape_id}_")
    if fields[-1] != ("normal", "anomaly")[label] or ("anomaly" in name) != bool(label):
        problems.append(f"name {name!r} contradicts label {label}")
    return problems


def gaps_problems(gaps: Gaps) -> list[str]:
    """Only some columns may be unknown or estimated."""
    problems = []
    for kind, columns, allowed in (
        ("unknown", gaps.unknown, MAY_BE_UNKNOWN),
        ("estimated", gaps.estimated, MAY_BE_ESTIMATED),
    ):
        problems += [f"attribute {kind} names {column}, which must be told" for column in set(columns) - set(allowed)]
    if gaps.no_meshes and not set(MESH_COLUMNS) <= set(gaps.unknown):
        problems.append(f"attribute unknown names some of {', '.join(MESH_COLUMNS)}, not all")
    return problems


def query_problems(query: QueryRecord, gaps: Gaps) -> list[str]:
    """Contradictions inside one query: types, masks, part ids, depth, boxes, camera."""
    problems = _type_problems(query)
    if problems:
        return problems
    whole = combine(query.anomalies, query.part_ids.shape)
    if query.anomaly_type != whole.anomaly_type:
        types = ", ".join(anomaly.type_name for anomaly in query.anomalies) or "none"
        problems.append(f"it is {query.type_name}, but its rows of anomalies/ are {types}")
    for name in ("part_label", "bbox", "mask_new", "mask_old"):
        if not np.array_equal(getattr(query, name), getattr(whole, name)):
            made = f"{name} is not what its rows of anomalies/ make it"
            problems.append(made if query.label or query.anomalies else f"a normal image has {name}")
    for name in ("object_mask", "object_mask_normal"):
        problems += _mask_problems(name, getattr(query, name))
    problems += _unknown_problems(query, "queries", gaps)
    if "queries/part_ids" not in gaps.unknown:
        seen = query.part_ids > 0
        if "queries/object_mask" not in gaps.estimated and ((query.object_mask > 0) != seen).any():
            problems.append("object_mask is not where part_ids > 0")
        if "queries/depth" not in gaps.unknown and ((query.depth > 0) != seen).any():
            problems.append("depth > 0 is not where part_ids > 0")
    if not query.label and (query.object_mask != query.object_mask_normal).any():
        problems.append("a normal image has object_mask unlike object_mask_normal")
    for number, anomaly in enumerate(query.anomalies):
        problems += [f"anomaly {number}: {problem}" for problem in _anomaly_problems(anomaly, query, gaps)]
    for name in ("mask_new", "mask_old"):
        shown = [getattr(anomaly, name) > 0 for anomaly in query.anomalies]
        if np.sum(shown, axis=0).max(initial=0) > 1:
            problems.append(f"two anomalies share pixels of {name}")
    return problems + camera_problems(query.K, query.world_to_camera)


def _unknown_problems(record: QueryRecord | ShapeRecord, group: str, gaps: Gaps) -> list[str]:
    """What is said to be unknown must not hold anything."""
    names = (column.removeprefix(f"{group}/") for column in gaps.unknown if column.startswith(f"{group}/"))
    told = (name for name in names if np.count_nonzero(getattr(record, name)))
    return [f"{name} is said to be unknown, but holds something" for name in told]


def _type_problems(query: QueryRecord) -> list[str]:
    names = query.type_names
    found = [query.anomaly_type, *(anomaly.anomaly_type for anomaly in query.anomalies)]
    problems = [f"anomaly_type {value} is not one of 0 to {len(names) - 1}" for value in found if value >= len(names)]
    for anomaly in query.anomalies if not problems else ():
        if anomaly.type_name in (NORMAL, SEVERAL):
            problems.append(f"a row of anomalies/ has type {anomaly.type_name}")
    if len(query.anomalies) > 1 and SEVERAL not in names:
        problems.append(f"it has {len(query.anomalies)} rows of anomalies/, but the file's names lack {SEVERAL}")
    return problems


def _anomaly_problems(anomaly: AnomalyRecord, query: QueryRecord, gaps: Gaps) -> list[str]:
    problems = _mask_problems("mask_new", anomaly.mask_new) + _mask_problems("mask_old", anomaly.mask_old)
    if not anomaly.part_label:
        problems.append("part_label is empty")
    new = anomaly.mask_new > 0
    if "queries/part_ids" not in gaps.unknown:
        cut = np.intersect1d(query.part_ids[new], query.part_ids[~new])
        if (query.part_ids[new] == 0).any() or len(cut):
            problems.append(f"mask_new is not a union of whole parts (it splits part ids {cut.tolist()})")
    left = (anomaly.mask_old > 0) & (query.object_mask_normal == 0)
    if "queries/object_mask_normal" not in gaps.estimated and left.any():
        problems.append("mask_old leaves object_mask_normal")
    if anomaly.type_name == "missing" and new.any():
        problems.append("a missing part has pixels in mask_new")
    height, width = new.shape
    x, y, w, h = anomaly.bbox.tolist()
    tight = bounding_box(anomaly.region)
    if x < 0 or y < 0 or w <= 0 or h <= 0 or x + w > width or y + h > height:
        problems.append(f"bbox {[x, y, w, h]} is empty or outside the {width}x{height} image")
    elif (x, y, w, h) != tight:
        problems.append(f"bbox {[x, y, w, h]} is not the tight box of its mask, {list(tight)}")
    return problems


def _mask_problems(name: str, mask: NDArray[np.uint8]) -> list[str]:
    return [] if np.isin(mask, (0, 255)).all() else [f"{name} holds values other than 0 and 255"]


def camera_problems(K: NDArray[Any], world_to_camera: NDArray[Any]) -> list[str]:
    """K must be a pinhole's, the pose a rotation and a translation."""
    problems = []
    if not (K[0, 0] > 0 and K[1, 1] > 0 and K[1, 0] == 0 and K[2].tolist() == [0, 0, 1]):
        problems.append(f"K {K.tolist()} is not a pinhole's intrinsics")
    rotation = world_to_camera[:3, :3].astype(np.float64)
    orthonormal = np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=ROTATION_TOLERANCE)
    if not orthonormal or np.linalg.det(rotation) < 0 or world_to_camera[3].tolist() != [0, 0, 0, 1]:
        problems.append(f"world_to_camera is not a rotation and a translation: {world_to_camera.tolist()}")
    return problems


def seen(shape: ShapeRecord, path: Path) -> ShapeRecord:
    """The shape, which was read from ``path``, if it can be seen: its numbers are such that rays can be cast.

    Raises PipelineError where its cameras are none, its depth is not finite, or its mesh contradicts itself.
    """
    faults = [] if shape.mesh is None else mesh_problems(shape.mesh)
    if not (np.isfinite(shape.depth).all() and (shape.depth >= 0).all()):
        faults.append("depth is not finite, or negative")
    for view, (K, pose) in enumerate(zip(shape.K, shape.world_to_camera, strict=True)):
        faults += [f"view {view}: {problem}" for problem in camera_problems(K, pose)]
    if faults:
        raise PipelineError(f"{path}: shape {shape.id}: {faults[0]}; copy the file again, or make it anew")
    return shape


def shape_problems(shape: ShapeRecord, gaps: Gaps) -> list[str]:
    """Contradictions inside one reference shape, view by view, and its mesh; its queries are not looked at."""
    problems = _unknown_problems(shape, "shapes", gaps)
    sound = []
    for view in range(len(shape.image)):
        found = camera_problems(shape.K[view], shape.world_to_camera[view])
        found += _view_problems(shape, view, gaps)
        if not found:
            sound.append(view)
            found = _point_problems(shape, view)
        problems += [f"view {view}: {problem}" for problem in found]
    if shape.mesh is not None:
        problems += mesh_problems(shape.mesh) or reference_problems(shape, shape.mesh, sound, gaps)
    return problems


def _view_problems(shape: ShapeRecord, view: int, gaps: Gaps) -> list[str]:
    if "shapes/depth" in gaps.unknown:
        return []
    hit = shape.depth[view] > 0
    problems = []
    if "shapes/part_ids" not in gaps.unknown and ((shape.part_ids[view] > 0) != hit).any():
        problems.append("depth > 0 is not where part_ids > 0")
    rows, columns = shape.patch_valid.shape[1:]
    hit_patches = hit.reshape(rows, PATCH, columns, PATCH).any(axis=(1, 3))
    if (shape.patch_valid[view] & ~hit_patches).any():
        problems.append("patch_valid where no pixel of the patch hits the object")
    return problems


def _point_problems(shape: ShapeRecord, view: int) -> list[str]:
    height, width = shape.image.shape[1:]
    expected, depth = project(shape.K[view], shape.world_to_camera[view], shape.points.astype(np.float64))
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

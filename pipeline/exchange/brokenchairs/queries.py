"""A query image and its annotation from their files in the published BrokenChairs-180K layout (``docs/format.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnitRejected
from pipeline.exchange.brokenchairs.exporting import BOX_FRAME
from pipeline.exchange.brokenchairs.files import (
    GAPS,
    check_record,
    read_camera,
    read_mask,
    read_object,
    read_picture,
    refuse_problems,
)
from pipeline.format import schema
from pipeline.format.boxes import bounding_box
from pipeline.format.cameras import look_at_origin
from pipeline.format.checks import name_problems, query_problems
from pipeline.format.combine import Mask, combine
from pipeline.format.labels import LABELS, NORMAL, SEVERAL
from pipeline.format.schema import AnomalyRecord, Dims, QueryRecord
from pipeline.format.silhouette import object_estimate

UNKNOWN = "unknown"
#: What ``anomaly_type`` of an imported file stands for.
TYPE_NAMES = (*LABELS, UNKNOWN)
#: Types of one anomaly by their names, and by those of the paper's Table 1.
TYPES = {name: name for name in LABELS if name not in (NORMAL, SEVERAL)} | {
    "position": "positional",
    "rotation": "rotational",
}
#: The box of an annotation and that of its mask contradict each other if they overlap less.
MIN_BOX_IOU = 0.5


class Name(NamedTuple):
    """What the file name of an image tells; degrees and object radii."""

    shape_id: str
    texture: int
    radius: float
    azimuth: float
    elevation: float
    light: int
    label: int


def parse_name(stem: str) -> Name:
    """``render_<shape>_<texture>_<radius>_<azimuth>_<elevation>_<light>_<label>``; UnitRejected for any other."""
    try:
        _, shape_id, texture, radius, azimuth, elevation, light, _ = stem.split("_")
        numbers = int(texture), float(radius), float(azimuth), float(elevation), int(light)
    except ValueError as error:
        raise UnitRejected("bad-name", f"{stem}.png is not named as images of this layout are: {error}") from error
    name = Name(shape_id, *numbers, int("anomaly" in stem))
    problems = [str(problem) for problem in name_problems(stem, shape_id, name.label)]
    if not (name.radius > 0 and abs(name.elevation) < 90 and np.isfinite([name.radius, name.azimuth]).all()):
        problems.append("no camera is at that radius, azimuth and elevation")
    if problems:
        raise UnitRejected("bad-name", f"{stem}.png: {'; '.join(problems)}")
    return name


def read_query(root: Path, image: Path, dims: Dims, K: NDArray[np.float32]) -> QueryRecord:
    """The query ``root/images/<image>``, with its annotation where its name calls it an anomaly.

    ``K`` (3, 3): of the shape's reference views; where no annotation tells another, the lens is taken for the same.
    Raises UnitRejected where a file is missing, unreadable, of another size, or contradicts the others.
    """
    path = root / "images" / image
    name = parse_name(image.stem)
    pixels = read_picture(path, dims)
    place = root / "annotations" / image.parent
    rest = image.stem.removeprefix("render_")
    info = _read_info(place / f"info_{rest}.json") if name.label else {}
    anomalies = _anomalies(place, rest, info, dims) if name.label else ()
    whole = combine(anomalies, (dims.H, dims.W))
    seen = object_estimate(pixels)
    K, world_to_camera = _camera(place / f"info_{rest}.json", info, name, K, dims)
    query = QueryRecord(
        name=image.stem,
        image=pixels,
        anomaly_type=whole.anomaly_type,
        part_label=whole.part_label,
        bbox=whole.bbox,
        mask_new=whole.mask_new,
        mask_old=whole.mask_old,
        # Also where an annotation has the true mask: how a mask was made must not tell a model the label.
        object_mask=seen,
        object_mask_normal=_intact_mask(place / f"mask_object_normal_{rest}.png", seen, whole, dims),
        part_ids=np.zeros((dims.H, dims.W), dtype=np.uint16),
        depth=np.zeros((dims.H, dims.W), dtype=np.float32),
        K=K.astype(np.float32),
        world_to_camera=world_to_camera.astype(np.float32),
        azimuth=name.azimuth,
        elevation=name.elevation,
        radius=name.radius,
        light=name.light,
        texture=name.texture,
        anomalies=anomalies,
        type_names=TYPE_NAMES,
    )
    check_record(path, query, schema.QUERY_RECORD, dims)
    for anomaly in anomalies:
        check_record(path, anomaly, schema.ANOMALY_RECORD, dims)
    refuse_problems(path, query_problems(query, GAPS))
    return query


def _read_info(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UnitRejected("no-annotation", f"{path} is missing")
    return read_object(path)


def _anomalies(place: Path, rest: str, info: Mapping[str, Any], dims: Dims) -> tuple[AnomalyRecord, ...]:
    """Those that the annotation lists, each with masks of its own; or the only one, which has the image's."""
    listed = info.get("anomalies", [])
    if not isinstance(listed, list) or not all(isinstance(own, dict) for own in listed):
        raise UnitRejected("bad-value", f"{place / f'info_{rest}.json'}: anomalies is not a list of objects")
    if len(listed) > 1:
        return tuple(_anomaly(place, str(number), rest, own, dims) for number, own in enumerate(listed))
    return (_anomaly(place, "", rest, info, dims),)


def _anomaly(place: Path, number: str, rest: str, info: Mapping[str, Any], dims: Dims) -> AnomalyRecord:
    """One anomaly. Where it has no ``mask_old``, nothing of the part is left and ``mask_new`` is where it was."""
    new = read_mask(place / f"mask_new{number}_{rest}.png", dims)
    old_path = place / f"mask_old{number}_{rest}.png"
    has_old = old_path.is_file()
    told = next((name for name in (str(info.get("anomaly_type")), place.name) if name in TYPES), None)
    kind = TYPES[told] if told is not None else (UNKNOWN if has_old else "missing")
    old = read_mask(old_path, dims) if has_old else new
    if kind == "missing" or not has_old:
        new = np.zeros_like(new)
    label = info.get("part_label", UNKNOWN)
    record = AnomalyRecord(TYPE_NAMES.index(kind), label, np.zeros(4, dtype=np.float32), new, old, TYPE_NAMES)
    box = np.array(bounding_box(record.region), dtype=np.float32)
    _check_box(place / f"info_{rest}.json", info, box, dims)
    return AnomalyRecord(record.anomaly_type, label, box, new, old, TYPE_NAMES)


def _check_box(path: Path, info: Mapping[str, Any], box: NDArray[np.float32], dims: Dims) -> None:
    """The annotation's box, if it has one, must be about that of the mask, which is the one that is stored."""
    if "2d_bbox" not in info:
        return
    try:
        x, y, w, h = (float(value) for value in info["2d_bbox"])
    except (TypeError, ValueError, OverflowError) as error:
        raise UnitRejected("bad-value", f"{path}: 2d_bbox is not four numbers: {error}") from error
    told = np.array([x, y, w, h]) * np.tile([dims.W / BOX_FRAME, dims.H / BOX_FRAME], 2)
    if not _box_iou(told, box) >= MIN_BOX_IOU:
        raise UnitRejected("box-contradicts-mask", f"{path}: 2d_bbox is {told.tolist()} px, its mask's {box.tolist()}")


def _box_iou(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Intersection over union of two boxes [x, y, width, height]."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(one[2:]) + np.prod(other[2:])) - shared
    return shared / union if union > 0 else 0.0


def _intact_mask(path: Path, seen: Mask, whole: AnomalyRecord, dims: Dims) -> Mask:
    """The intact object: of an anomaly the annotation's mask, or else what is seen but with the part as it was."""
    if whole.type_name == NORMAL:
        return seen
    return read_mask(path, dims) if path.is_file() else np.maximum(seen & ~whole.mask_new, whole.mask_old)


def _camera(
    path: Path, info: Mapping[str, Any], name: Name, K: NDArray[Any], dims: Dims
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The annotation's camera; without one, the nominal one that the file name tells, with the lens ``K``."""
    if "K" in info and "RT" in info:
        return read_camera(path, info, dims.W)
    return K, look_at_origin(name.azimuth, name.elevation, name.radius)

"""From the rooms' own dataclasses to the records that a shard stores."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.anomalies.anomaly import Anomaly
from pipeline.format.combine import combine
from pipeline.format.labels import LABELS
from pipeline.format.schema import AnomalyRecord, Mesh, QueryRecord, ShapeRecord
from pipeline.rendering.blender import Drawn
from pipeline.shapes.shape import Shape, flatten
from pipeline.views.reference import ReferenceViews
from pipeline.views.select import View
from pipeline.views.visibility import Mark


def shape_record(
    shape: Shape,
    anomalies: Sequence[Anomaly],
    views: Sequence[View],
    reference: ReferenceViews,
    drawn: Drawn,
    accepted: Collection[str],
) -> ShapeRecord:
    """The shape with those of its query images whose name is in ``accepted``, in the order of ``views``."""
    by_name = {anomaly.name: anomaly for anomaly in anomalies}
    queries = tuple(_query(view, drawn.query[i], by_name) for i, view in enumerate(views) if view.name in accepted)
    return replace(reference_record(shape, reference, drawn.reference), queries=queries)


def reference_record(shape: Shape, reference: ReferenceViews, images: NDArray[np.uint8]) -> ShapeRecord:
    """The shape with the images (V, S, S) of its reference views, and no query images."""
    return ShapeRecord(
        id=shape.shape_id,
        model_id=shape.model_id,
        category=shape.category,
        image=images,
        depth=reference.depth,
        part_ids=reference.part_ids,
        K=_f32(reference.K),
        world_to_camera=_f32(reference.world_to_camera),
        patch_xyz=reference.patch_xyz,
        patch_valid=reference.patch_valid,
        points=reference.points,
        point_pixels=reference.point_pixels,
        point_visible=reference.point_visible,
        mesh=_mesh(shape),
    )


def _mesh(shape: Shape) -> Mesh:
    soup = flatten((part.part_id, part.mesh) for part in shape.parts)
    labels = {part.part_id: part.label for part in shape.parts}
    return Mesh(_f32(soup.vertices), soup.faces.astype(np.int32), soup.part_ids, labels)


def _query(view: View, image: Any, by_name: Mapping[str, Anomaly]) -> QueryRecord:
    anomalies = tuple(_anomaly(mark, by_name[mark.anomaly]) for mark in view.marks)
    whole = combine(anomalies, view.object_mask.shape)
    return QueryRecord(
        name=view.name,
        image=image,
        anomaly_type=whole.anomaly_type,
        part_label=whole.part_label,
        bbox=whole.bbox,
        mask_new=whole.mask_new,
        mask_old=whole.mask_old,
        object_mask=view.object_mask,
        object_mask_normal=view.object_mask_normal,
        part_ids=view.image.part_ids,
        depth=view.image.depth,
        K=_f32(view.camera.K),
        world_to_camera=_f32(view.camera.world_to_camera),
        azimuth=view.azimuth,
        elevation=view.elevation,
        radius=view.radius,
        light=view.light,
        texture=view.texture,
        anomalies=anomalies,
    )


def _anomaly(mark: Mark, anomaly: Anomaly) -> AnomalyRecord:
    return AnomalyRecord(LABELS.index(anomaly.type), anomaly.target_label, _f32(mark.bbox), mark.new, mark.old)


def _f32(values: Any) -> Any:
    return np.asarray(values, dtype=np.float32)

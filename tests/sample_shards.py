"""A chair of six boxes, its anomalies and its shards: small records whose every number is known or checkable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.anomalies.anomaly import Anomaly, SurfaceChange, part_meshes
from pipeline.format import schema
from pipeline.format.boxes import bounding_box
from pipeline.format.combine import combine
from pipeline.format.labels import LABELS, NORMAL, SEVERAL
from pipeline.format.schema import AnomalyRecord, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.geometry.raycast import RayImage, RayScene
from pipeline.packing.records import reference_record
from pipeline.shapes.shape import Part, Shape, flatten
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.visibility import object_mask, part_mask

#: label, size and centre of each part; the front is +Z.
BOXES = (
    ("chair/chair_seat/seat_surface/seat_single_surface", (0.8, 0.1, 0.8), (0.0, 0.0, 0.0)),
    ("chair/chair_back/back_surface/back_single_surface", (0.8, 0.7, 0.1), (0.0, 0.4, -0.35)),
    ("chair/chair_base/regular_leg_base/leg", (0.1, 0.6, 0.1), (-0.3, -0.35, -0.3)),
    ("chair/chair_base/regular_leg_base/leg", (0.1, 0.6, 0.1), (0.3, -0.35, -0.3)),
    ("chair/chair_base/regular_leg_base/leg", (0.1, 0.6, 0.1), (-0.3, -0.35, 0.3)),
    ("chair/chair_base/regular_leg_base/leg", (0.1, 0.6, 0.1), (0.3, -0.35, 0.3)),
)
COLOURS = np.array([[235, 238, 242], [196, 88, 62], [70, 120, 160], *[[120, 92, 66]] * 4], dtype=np.uint8)
LEG = 6  # front, on the viewer's right at azimuth 0
BACK = 2


def box_chair(shape_id: str) -> Shape:
    parts = []
    for number, (label, size, centre) in enumerate(BOXES, 1):
        mesh = trimesh.creation.box(size, trimesh.transformations.translation_matrix(centre))
        parts.append(Part(number, label, 0, (0, number), mesh))
    return Shape(shape_id, f"model-{shape_id}", "Chair", tuple(parts))


def make_anomalies(shape: Shape, kind: str) -> tuple[Anomaly, ...]:
    """None for ``normal``; for ``several`` the leg is moved and the back missing; else the leg has the one anomaly."""
    if kind == NORMAL:
        return ()
    if kind == SEVERAL:
        return leg_anomaly(shape, "positional"), Anomaly(
            1, "missing", (BACK,), BOXES[BACK - 1][0], {BACK: None}, {}, {}
        )
    return (leg_anomaly(shape, kind),)


def leg_anomaly(shape: Shape, kind: str) -> Anomaly:
    """An anomaly of the front right leg; one of a type beyond the paper's only has another surface."""
    mesh = shape.part(LEG).mesh.copy()
    if kind == "positional":
        mesh.apply_translation([-0.15, 0.0, 0.1])
    elif kind == "rotational":
        mesh.apply_transform(trimesh.transformations.rotation_matrix(0.5, [0, 0, 1], mesh.vertices.mean(axis=0)))
    elif kind == "broken":
        mesh.apply_transform(trimesh.transformations.scale_matrix(0.5, mesh.bounds[1], [0, 1, 0]))
    elif kind == "swapped":
        mesh = trimesh.creation.cylinder(0.09, 0.6, transform=np.diag([1.0, 1, 1, 1]))
        mesh.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]))
        mesh.apply_translation(BOXES[LEG - 1][2])
    elif kind != "missing":
        surface = SurfaceChange("faded", 1.0, 0.1, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.0)
        return Anomaly(0, kind, (LEG,), BOXES[LEG - 1][0], {}, {}, {}, surface)
    return Anomaly(0, kind, (LEG,), BOXES[LEG - 1][0], {LEG: None if kind == "missing" else mesh}, {}, {})


def draw(image: RayImage) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the parts' colours, darker with distance."""
    shade = np.clip(1.6 - 0.3 * image.depth, 0.3, 1.0) * (image.part_ids > 0) + (image.part_ids == 0)
    return (COLOURS[image.part_ids] * shade[..., None]).astype(np.uint8)


def make_query(shape: Shape, kind: str, azimuth: int, config: ViewsConfig) -> QueryRecord:
    camera = orbit_camera(config, azimuth, 30)
    made = make_anomalies(shape, kind)
    intact = RayScene(flatten(part_meshes(shape))).render(camera)
    image = RayScene(flatten(part_meshes(shape, made))).render(camera)
    anomalies = tuple(_record(anomaly, intact, image) for anomaly in made)
    whole = combine(anomalies, image.part_ids.shape)
    texture = LABELS.index(kind)
    return QueryRecord(
        name=f"render_{shape.shape_id}_{texture}_2.5_{azimuth}_30_3_{'anomaly' if made else 'normal'}",
        image=draw(image),
        anomaly_type=LABELS.index(kind),
        part_label=whole.part_label,
        bbox=whole.bbox,
        mask_new=whole.mask_new,
        mask_old=whole.mask_old,
        object_mask=object_mask(image),
        object_mask_normal=object_mask(intact),
        part_ids=image.part_ids,
        depth=image.depth,
        K=camera.K.astype(np.float32),
        world_to_camera=camera.world_to_camera.astype(np.float32),
        azimuth=float(azimuth),
        elevation=30.0,
        radius=2.5,
        light=3,
        texture=texture,
        anomalies=anomalies,
    )


def _record(anomaly: Anomaly, intact: RayImage, image: RayImage) -> AnomalyRecord:
    new, old = part_mask(image, anomaly.target), part_mask(intact, anomaly.target)
    box = np.array(bounding_box(old if anomaly.is_missing else new), dtype=np.float32)
    return AnomalyRecord(LABELS.index(anomaly.type), anomaly.target_label, box, new, old)


def make_shape(shape_id: str, queries: Sequence[tuple[str, int]], resolution: int = 32) -> ShapeRecord:
    """A shape record with 4 views, 40 points and one query for each (anomaly type or normal, azimuth)."""
    shape = box_chair(shape_id)
    config = ViewsConfig(resolution=resolution, reference_views=4, surface_points=40)
    views = make_reference_views(shape, config, 0)
    gray = [
        draw(RayImage(d, p)).mean(axis=2).astype(np.uint8) for d, p in zip(views.depth, views.part_ids, strict=True)
    ]
    record = reference_record(shape, views, np.stack(gray))
    return replace(record, queries=tuple(make_query(shape, kind, azimuth, config) for kind, azimuth in queries))


def as_version_1(path: Path) -> None:
    """Make a shard, or a file of reference views, what it was before there were meshes."""
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 1
        for name in (*schema.MESHES, *(f"shapes/{name}" for name in schema.RANGES.values() if "shapes" in file)):
            del file[name]


def write_dataset(folder: Path, splits: Mapping[str, Sequence[ShapeRecord]]) -> Path:
    """``folder`` with one shard for each split."""
    for split, shapes in splits.items():
        write_shard(folder / "shards" / f"{split}-00000.h5", split, '{"seed": 0}', "f00d", shapes, 4)
    return folder

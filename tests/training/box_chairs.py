"""Shards of chairs of boxes, ray-cast: the reference, and queries with a part gone or moved, by their true cameras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.format.boxes import bounding_box
from pipeline.format.cameras import Camera
from pipeline.format.labels import LABELS
from pipeline.format.schema import AnomalyRecord, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.geometry.raycast import RayScene, Surface
from pipeline.pose.pose import Pose
from pipeline.seeding import rng
from pipeline.training.config import CompareConfig, TrainingConfig
from tests.pose.scenes import CHAIR, Box, mesh_of, scene_of

SIZE = 64
ELEVATIONS = (30.0, 5.0, 55.0)
VIEWS = 15
FOCAL = 1.1
LIGHT = np.array([-0.4, -0.8, -0.45])  # toward it, in the camera's frame

TINY_COMPARE = CompareConfig(width=8, levels=3)
TINY = TrainingConfig(
    model=TINY_COMPARE,
    reference_views=2,
    epochs=8,
    batch=8,
    learning_rate=1e-2,
    betas=(0.9, 0.999),
    schedule="cosine",
    crop_share=1.0,
    flip=False,
    workers=0,
    grid_every=0,
    validate_every=100,
    device="cpu",
)


def write_box_chairs(folder: Path, counts: Mapping[str, tuple[int, int]]) -> Path:
    """So many shapes a split, with so many queries; every second is anomalous: it lacks a part, or has it elsewhere."""
    for split, (count, queries) in counts.items():
        records = [_shape(split, number, queries) for number in range(count)]
        write_shard(folder / "shards" / f"{split}-00000.h5", split, "{}", "fingerprint", records, 1)
    return folder


def chair(generator: np.random.Generator) -> dict[str, Box]:
    """``CHAIR``, but for its proportions."""
    scale = generator.uniform(0.8, 1.1, 3)
    return {name: (_scaled(low, scale), _scaled(high, scale)) for name, (low, high) in CHAIR.items()}


def _scaled(corner: tuple[float, float, float], by: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (np.array(corner) * by).tolist()
    return x, y, z


def _shape(split: str, number: int, queries: int) -> ShapeRecord:
    generator = rng(0, "box chair", split, number)
    boxes = chair(generator)
    scene = scene_of(boxes)
    poses = [Pose(72.0 * i + 13.0 * ring, e, 0.0, 2.5, FOCAL) for ring, e in enumerate(ELEVATIONS) for i in range(5)]
    cameras = [pose.camera(SIZE) for pose in poses]
    seen = [scene.surface(camera) for camera in cameras]
    grey = [np.where(s.part_ids > 0, 128, 255).astype(np.uint8) for s in seen]
    return ShapeRecord(
        id=f"{split}{number}",
        model_id="m",
        category="Chair",
        image=np.stack(grey),
        depth=np.stack([s.depth for s in seen]),
        part_ids=np.stack([s.part_ids for s in seen]),
        K=np.stack([camera.K for camera in cameras]).astype(np.float32),
        world_to_camera=np.stack([camera.world_to_camera for camera in cameras]).astype(np.float32),
        patch_xyz=np.zeros((VIEWS, SIZE // 8, SIZE // 8, 3), dtype=np.float32),
        patch_valid=np.stack([s.part_ids[4::8, 4::8] > 0 for s in seen]),
        points=np.zeros((1, 3), dtype=np.float32),
        point_pixels=np.zeros((VIEWS, 1, 2), dtype=np.float32),
        point_visible=np.zeros((VIEWS, 1), dtype=np.bool_),
        queries=tuple(_query(f"{split}{number}", i, boxes, scene, generator) for i in range(queries)),
        mesh=mesh_of({f"chair/{name.replace(' ', '_')}": box for name, box in boxes.items()}),
    )


def _query(
    shape: str, number: int, boxes: Mapping[str, Box], intact: RayScene, generator: np.random.Generator
) -> QueryRecord:
    pose = Pose(float(generator.uniform(0, 360)), float(generator.uniform(15, 40)), 0.0, 2.5, FOCAL)
    camera = pose.camera(SIZE)
    was = intact.surface(camera)
    visible = [part for part in range(1, len(boxes) + 1) if (was.part_ids == part).sum() >= 20]
    part = int(generator.choice(visible))
    name = list(boxes)[part - 1]
    kind = ("normal", "missing", "normal", "positional")[number % 4]
    now, mask_old, mask_new = was, (was.part_ids == part) & (kind != "normal"), np.zeros((SIZE, SIZE), dtype=bool)
    if kind == "missing":  # ids count the boxes, so that of the missing one stays, as one that nothing meets
        now = scene_of({**boxes, name: ((5.0, 5.0, 5.0), (5.1, 5.1, 5.1))}).surface(camera)
    elif kind == "positional":
        low, high = (np.array(corner) for corner in boxes[name])
        shift = generator.choice([-0.25, 0.25], 3) * np.array([1.0, 0.6, 1.0])
        low, high = low + shift, high + shift
        now = scene_of({**boxes, name: (tuple(low.tolist()), tuple(high.tolist()))}).surface(camera)
        mask_new = now.part_ids == part
    new, old = np.uint8(255) * mask_new, np.uint8(255) * mask_old
    region = new if mask_new.any() else old
    bbox = np.array(bounding_box(region > 0) if region.any() else (0, 0, 0, 0), dtype=np.float32)
    anomaly_type = LABELS.index(kind)
    label = f"chair/{name.replace(' ', '_')}" if anomaly_type else ""
    return QueryRecord(
        name=f"render_{shape}_{number}_2.5_0_30_0_{'anomaly' if anomaly_type else 'normal'}",
        image=_shaded(now, generator),
        anomaly_type=anomaly_type,
        part_label=label,
        bbox=bbox,
        mask_new=new,
        mask_old=old,
        object_mask=np.uint8(255) * (now.part_ids > 0),
        object_mask_normal=np.uint8(255) * (was.part_ids > 0),
        part_ids=now.part_ids,
        depth=now.depth,
        K=camera.K.astype(np.float32),
        world_to_camera=camera.world_to_camera.astype(np.float32),
        azimuth=pose.azimuth,
        elevation=pose.elevation,
        radius=2.5,
        light=0,
        texture=0,
        anomalies=(AnomalyRecord(anomaly_type, label, bbox, new, old),) if anomaly_type else (),
    )


def _shaded(surface: Surface, generator: np.random.Generator) -> np.ndarray:
    """Parts of one colour in a light, with noise, before white."""
    light = np.clip(surface.normals @ LIGHT, 0.0, 1.0)[..., None]
    colour = generator.uniform(0.3, 0.9, 3) * (0.35 + 0.65 * light)
    noisy = colour + generator.normal(0.0, 0.02, (SIZE, SIZE, 3))
    image = np.where(surface.part_ids[..., None] > 0, noisy, 1.0)
    return np.asarray((255 * np.clip(image, 0, 1)).round().astype(np.uint8))


def camera_of(query: QueryRecord) -> Camera:
    return Camera.stored(query.K, query.world_to_camera, SIZE)

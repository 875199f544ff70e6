"""Small synthetic shards with a signal to learn: a box of another brightness marks the anomaly."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from pipeline.format.labels import PAPER_TYPES
from pipeline.format.schema import AnomalyRecord, Mesh, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.seeding import rng
from pipeline.training.config import CMTConfig, TrainingConfig

SIZE = 64
VIEWS = 4
POINTS = 30
OBJECT = slice(12, 52)  # rows and columns that the object covers in every image
MARK = 16  # edge of the anomaly's square

#: Of every shape.
TRIANGLE = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.ones(1, np.uint16), {1: "chair/leg"})

#: Of every camera: on the axis, looking at the origin from a distance of 1.
POSE = np.eye(4, dtype=np.float32)
POSE[2, 3] = 1.0

TINY_CMT = CMTConfig(
    dim=16,
    encoder_width=8,
    heads=2,
    blocks=1,
    top_k=6,
    octaves=2,
    feed_forward=16,
    projector_hidden=16,
    projector_dim=8,
)
TINY = TrainingConfig(
    model=TINY_CMT,
    reference_views=2,
    epochs=1,
    batch=4,
    point_pairs=8,
    learning_rate=3e-3,
    betas=(0.9, 0.999),
    log_every=1,
    workers=0,
    device="cpu",
)


def write_dataset(folder: Path, shapes: int = 2, queries: int = 4) -> Path:
    """Write one shard for each split and return ``folder``; every second query is anomalous."""
    for split in ("train", "val", "test"):
        records = [_shape(split, number, queries) for number in range(shapes)]
        write_shard(folder / "shards" / f"{split}-00000.h5", split, "{}", "fingerprint", records, 1)
    return folder


def rewrite(folder: Path, split: str, name: str, values: np.ndarray) -> None:
    """Replace the values of one dataset of a split's first shard."""
    with h5py.File(folder / "shards" / f"{split}-00000.h5", "r+") as file:
        file[name][...] = values


def damage(path: Path, name: str, row: int) -> None:
    """Flip the bytes of one row's chunk, behind the back of HDF5 and its checksum."""
    with h5py.File(path, "r") as file:
        dataset = file[name]
        chunk = dataset.id.get_chunk_info_by_coord((row,) + (0,) * (dataset.ndim - 1))
    content = bytearray(path.read_bytes())
    place = slice(chunk.byte_offset, chunk.byte_offset + chunk.size)
    content[place] = bytes(255 - byte for byte in content[place])
    path.write_bytes(content)


def _mask() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    mask[OBJECT, OBJECT] = 255
    return mask


def _shape(split: str, number: int, queries: int) -> ShapeRecord:
    generator = rng(0, "test shape", split, number)
    patches = _mask()[::8, ::8] > 0
    pixels = generator.uniform(OBJECT.start, OBJECT.stop, (VIEWS, POINTS, 2)).astype(np.float32)
    image = np.where(_mask() > 0, generator.integers(60, 200, (VIEWS, SIZE, SIZE)), 255).astype(np.uint8)
    return ShapeRecord(
        id=f"{split}{number}",
        model_id="m",
        category="Chair",
        image=image,
        depth=np.ones((VIEWS, SIZE, SIZE), dtype=np.float32),
        part_ids=np.ones((VIEWS, SIZE, SIZE), dtype=np.uint16),
        K=np.tile(np.eye(3, dtype=np.float32), (VIEWS, 1, 1)),
        world_to_camera=np.tile(POSE, (VIEWS, 1, 1)),
        patch_xyz=generator.uniform(-1, 1, (VIEWS, SIZE // 8, SIZE // 8, 3)).astype(np.float32),
        patch_valid=np.tile(patches, (VIEWS, 1, 1)),
        points=generator.uniform(-1, 1, (POINTS, 3)).astype(np.float32),
        point_pixels=pixels,
        point_visible=generator.random((VIEWS, POINTS)) < 0.8,
        queries=tuple(_query(f"{split}{number}", i, generator) for i in range(queries)),
        mesh=TRIANGLE,
    )


def _query(shape: str, number: int, generator: np.random.Generator) -> QueryRecord:
    anomalous = number % 2 == 1
    image = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    image[OBJECT, OBJECT] = generator.integers(90, 130, (40, 40, 3))
    mark = np.zeros((SIZE, SIZE), dtype=np.uint8)
    bbox = np.zeros(4, dtype=np.float32)
    if anomalous:
        x, y = generator.integers(OBJECT.start, OBJECT.stop - MARK, 2)
        image[y : y + MARK, x : x + MARK] = (230, 20, 20)
        mark[y : y + MARK, x : x + MARK] = 255
        bbox = np.array([x, y, MARK, MARK], dtype=np.float32)
    anomaly_type = 1 + number // 2 % len(PAPER_TYPES) if anomalous else 0
    return QueryRecord(
        name=f"render_{shape}_{number}_2.5_0_30_0_{'anomaly' if anomalous else 'normal'}",
        image=image,
        anomaly_type=anomaly_type,
        part_label="chair/leg" if anomalous else "",
        bbox=bbox,
        mask_new=mark,
        mask_old=mark,
        object_mask=_mask(),
        object_mask_normal=_mask(),
        part_ids=np.ones((SIZE, SIZE), dtype=np.uint16),
        depth=np.ones((SIZE, SIZE), dtype=np.float32),
        K=np.eye(3, dtype=np.float32),
        world_to_camera=POSE,
        azimuth=0.0,
        elevation=30.0,
        radius=2.5,
        light=0,
        texture=0,
        anomalies=(AnomalyRecord(anomaly_type, "chair/leg", bbox, mark, mark),) if anomalous else (),
    )

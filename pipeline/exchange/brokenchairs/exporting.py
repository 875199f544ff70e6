"""Export to the layout of the published BrokenChairs-180K, as its data loader reads it (``docs/format.md``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.exchange.safe_npy import save_pickled_arrays
from pipeline.files import atomic, claim, write_json
from pipeline.format.boxes import mask_iou
from pipeline.format.checks import name_problems
from pipeline.format.combine import Mask, union
from pipeline.format.reader import Shard, dataset_folder, find_shards
from pipeline.format.schema import AnomalyRecord, QueryRecord, ShapeRecord

#: Boxes are given in a square frame of this edge, whatever the size of the image.
BOX_FRAME = 512
#: Left in the output folder, so that an interrupted export of the same shards can go on.
MARKER = "export.json"


def export_brokenchairs(folder: Path, out: Path) -> int:
    """Write the dataset in ``folder`` to ``out`` in the published layout; returns the number of images.

    Shape by shape; each file appears whole; a repeated call writes only what is missing. Raises
    PipelineError if ``out`` holds anything but an export of the same shards, or if names clash or
    contradict their labels.
    """
    shards = [Shard(path) for path in find_shards(folder)]
    splits, images = _check_names(shards)
    claim_export(out, "brokenchairs", shards)
    for shard in shards:
        with shard:
            for row, shape_id in enumerate(shard.column("shapes", "id")):
                done = _shape_folder(out, shape_id) / "model_id.txt"  # written after all else of the shape
                if not done.exists():
                    shape = shard.shape(row)
                    _write_views(out, shape)
                    for query in shape.queries:
                        _write_query(out, query)
                    _write_text(done, shape.model_id + "\n")
    write_json(out / "split.json", splits)
    return images


def published_camera(K: NDArray[Any], world_to_camera: NDArray[Any], width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """K (3, 3) and RT (4, 4) such that row = p_y / p_z and column = width - p_x / p_z, p = K RT[:3] [X; 1].

    Their x axis points left: x and the principal point are mirrored, so RT has determinant -1.
    """
    mirrored = K.astype(np.float64)
    mirrored[0, 2] = width - mirrored[0, 2]
    return mirrored, np.diag([-1.0, 1.0, 1.0, 1.0]) @ world_to_camera


def _check_names(shards: list[Shard]) -> tuple[dict[str, list[str]], int]:
    """Shape ids of every split and the number of images; PipelineError for names the layout cannot hold."""
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    homes: dict[str, str] = {}
    for shard in shards:
        with shard:
            ids = shard.column("shapes", "id")
            splits[shard.split] += ids.tolist()
            columns = (shard.column("queries", name) for name in ("name", "shape_index", "label"))
            for name, shape_index, label in zip(*columns, strict=True):
                for problem in name_problems(name, ids[shape_index], int(label)):
                    raise PipelineError(f"{shard.path}: {problem}; loaders of this layout rely on it")
                if name in homes:
                    raise PipelineError(f"{shard.path}: the file name {name}.png is taken by a query in {homes[name]}")
                homes[name] = shard.path.name
    return splits, len(homes)


def claim_export(out: Path, layout: str, shards: list[Shard]) -> None:
    """Make ``out`` the export of these shards, or raise PipelineError if it is anything else."""
    prints = {shard.path.name: shard.fingerprint for shard in shards}
    dataset = dataset_folder(shards[0].path.parent).resolve()
    claim(out, MARKER, {"layout": layout, "shards": prints}, f"dataset {dataset} in the {layout} layout")


def _shape_folder(out: Path, shape_id: str) -> Path:
    return out / "shapes" / f"shape_{shape_id}"


def _write_views(out: Path, shape: ShapeRecord) -> None:
    """``mv_images/<view>.png``, ``.json`` and ``.npy`` of every reference view."""
    width = shape.image.shape[2]
    for view, image in enumerate(shape.image):
        stem = _shape_folder(out, shape.id) / "mv_images" / f"{view:03d}"
        write_png(stem.with_suffix(".png"), image)
        write_json(stem.with_suffix(".json"), _camera_json(shape.K[view], shape.world_to_camera[view], width))
        arrays = {
            "xyz": np.where(shape.patch_valid[view][..., None], shape.patch_xyz[view], np.float32(-1)),
            "pxy": np.ascontiguousarray(shape.point_pixels[view][:, ::-1]),
            "is_visible": shape.point_visible[view],
        }
        with atomic(stem.with_suffix(".npy")) as temporary, temporary.open("wb") as stream:
            save_pickled_arrays(stream, arrays)


def _camera_json(K: NDArray[Any], world_to_camera: NDArray[Any], width: int) -> dict[str, Any]:
    intrinsics, extrinsics = published_camera(K, world_to_camera, width)
    return {"K": intrinsics.tolist(), "RT": extrinsics.tolist(), "RT_": np.linalg.inv(extrinsics).tolist()}


def _write_query(out: Path, query: QueryRecord) -> None:
    """The image, and for an anomaly its annotation and masks."""
    if query.label:
        place = out / "annotations" / query.type_name
        rest = query.name.removeprefix("render_")
        for name, mask in _masks(query).items():
            write_png(place / f"{name}_{rest}.png", mask)
        write_json(place / f"info_{rest}.json", _annotation(query))
    write_png(out / "images" / query.type_name / f"{query.name}.png", query.image)


def _masks(query: QueryRecord) -> dict[str, Mask]:
    """The masks by the first part of their file names: of all anomalies together, and of several also each one's."""
    masks = {"mask_object": query.object_mask, "mask_object_normal": query.object_mask_normal}
    shape = query.object_mask.shape
    each = [_anomaly_masks(anomaly) for anomaly in query.anomalies]
    for name in ("mask_new", "mask_old"):
        found = [own[name] for own in each if name in own]
        if found:
            masks[name] = union(found, shape)
    if len(each) > 1:
        masks |= {f"{name}{number}": mask for number, own in enumerate(each) for name, mask in own.items()}
    return masks


def _anomaly_masks(anomaly: AnomalyRecord) -> dict[str, Mask]:
    """``mask_new`` is always what the box bounds; so for a missing part, where it was, and no ``mask_old``."""
    masks = {"mask_new": anomaly.region}
    return masks | {"mask_old": anomaly.mask_old} if anomaly.mask_new.any() else masks


def _annotation(query: QueryRecord) -> dict[str, Any]:
    return {
        **_description(query),
        "anomalies": [_description(anomaly) for anomaly in query.anomalies],
        "azimuth": query.azimuth,
        "elevation": query.elevation,
        "radius": query.radius,
        "light": query.light,
        "texture_id": query.texture,
        **_camera_json(query.K, query.world_to_camera, query.object_mask.shape[1]),
    }


def _description(record: QueryRecord | AnomalyRecord) -> dict[str, Any]:
    """Of all anomalies of an image, or of one of them."""
    height, width = record.mask_new.shape
    scale = np.array([BOX_FRAME / width, BOX_FRAME / height] * 2)
    return {
        "2d_bbox": (record.bbox * scale).tolist(),
        "anomaly_type": record.type_name,
        "part_label": record.part_label,
        "mask_iou": mask_iou(record.mask_new, record.mask_old),
    }


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """An image (H, W, 3) or (H, W), atomically."""
    with atomic(path) as temporary:
        Image.fromarray(pixels).save(temporary)


def _write_text(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

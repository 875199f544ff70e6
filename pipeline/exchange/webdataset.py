"""Export to WebDataset's layout: tar files of samples, whose files share their names up to the first dot."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.exchange.brokenchairs.exporting import claim_export
from pipeline.files import atomic
from pipeline.format.reader import Shard, find_shards
from pipeline.format.schema import QueryRecord

VIEW_ARRAYS = ("K", "world_to_camera", "patch_xyz", "patch_valid", "points", "point_pixels", "point_visible")


def export_webdataset(folder: Path, out: Path) -> int:
    """Write ``<shard>.tar`` (queries) and ``<shard>-shapes.tar`` for each shard to ``out``; returns how many images.

    Row by row; each tar appears whole, with the same bytes every time; a repeated call writes only what is missing.
    Raises PipelineError if ``out`` holds anything but an export of the same shards.
    """
    shards = [Shard(path) for path in find_shards(folder)]
    claim_export(out, "webdataset", shards)
    images = 0
    for shard in shards:
        with shard:
            images += shard.query_count
            for suffix, files in (("", _query_files(shard)), ("-shapes", _shape_files(shard))):
                path = out / f"{shard.path.stem}{suffix}.tar"
                if not path.exists():
                    _write_tar(path, files)
    return images


def _query_files(shard: Shard) -> Iterator[tuple[str, bytes]]:
    ids = shard.column("shapes", "id")
    for row, shape_row in enumerate(shard.column("queries", "shape_index")):
        query = shard.query(row)
        key = _key(query.name)
        yield f"{key}.png", _png(query.image)
        yield f"{key}.json", _json(_description(query, str(ids[shape_row])))
        for name in ("mask_new", "mask_old", "object_mask", "object_mask_normal"):
            yield f"{key}.{name}.png", _png(getattr(query, name))


def _shape_files(shard: Shard) -> Iterator[tuple[str, bytes]]:
    for row, shape_id in enumerate(shard.column("shapes", "id")):
        key = _key(str(shape_id))
        description = {name: shard.row("shapes", name, row) for name in ("id", "model_id", "category")}
        mesh = None if shard.gaps.no_meshes else shard.mesh(row)
        yield f"{key}.json", _json(description | ({"parts": mesh.labels} if mesh else {}))
        for view, image in enumerate(shard.row("shapes", "image", row)):
            yield f"{key}.view{view:03d}.png", _png(image)
        for name in VIEW_ARRAYS:
            yield f"{key}.{name}.npy", _npy(shard.row("shapes", name, row))
        if mesh:
            for name in ("vertices", "faces", "part_ids"):
                yield f"{key}.mesh_{name}.npy", _npy(getattr(mesh, name))


def _key(name: str) -> str:
    """Without dots, which would end the key."""
    return name.replace(".", "-")


def _description(query: QueryRecord, shape_id: str) -> dict[str, Any]:
    return {
        "name": query.name,
        "shape_id": shape_id,
        "label": query.label,
        "anomaly_type": query.type_name,
        "part_label": query.part_label,
        "bbox": query.bbox.tolist(),
        "anomalies": [
            {"anomaly_type": own.type_name, "part_label": own.part_label, "bbox": own.bbox.tolist()}
            for own in query.anomalies
        ],
        "K": query.K.tolist(),
        "world_to_camera": query.world_to_camera.tolist(),
        **{name: getattr(query, name) for name in ("azimuth", "elevation", "radius", "light", "texture")},
    }


def _write_tar(path: Path, files: Iterator[tuple[str, bytes]]) -> None:
    with atomic(path) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)  # time 0, owner 0: the same bytes every time
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

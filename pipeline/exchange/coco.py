"""Export to COCO's detection layout: images, and one JSON a split with the boxes and masks of its anomalies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.exchange.brokenchairs.exporting import claim_export, write_png
from pipeline.files import atomic
from pipeline.format.origin import find_origins
from pipeline.format.reader import Shard, find_shards, format_versions
from pipeline.format.schema import AnomalyRecord, QueryRecord

INFO = "Images of objects with anomalous parts, boxes and masks of the anomalies; from shards of format l3d-shard"


def export_coco(folder: Path, out: Path) -> int:
    """Write ``images/<split>/<name>.png`` and ``annotations/<split>.json`` to ``out``; returns the number of images.

    Image by image; a repeated call writes only what is missing. Raises PipelineError if ``out`` holds anything but an
    export of the same shards.
    """
    paths = find_shards(folder)
    shards = [Shard(path) for path in paths]
    categories = {name: number for number, name in enumerate(_used_types(shards), 1)}
    licences = dict.fromkeys(origin.licence for origin in find_origins(paths))
    info = {"description": INFO, "version": format_versions(paths), "contributor": "l3d-gen", "url": ""}
    claim_export(out, "coco", shards)
    images = 0
    for split, own in groupby(shards, key=lambda shard: shard.split):
        content = {"info": info, **_split_json(list(own), out / "images" / split, categories, licences)}
        with (
            atomic(out / "annotations" / f"{split}.json") as temporary,
            temporary.open("w", encoding="utf-8") as stream,
        ):
            json.dump(content, stream, allow_nan=False)  # not indented: masks are long lists of numbers
        images += len(content["images"])
    return images


def run_lengths(mask: NDArray[np.uint8]) -> dict[str, Any]:
    """COCO's uncompressed RLE of a mask (H, W): lengths of runs in column-major order, the first of zeros."""
    flat = np.concatenate([[False], mask.ravel(order="F") > 0])
    starts = np.flatnonzero(flat[1:] != flat[:-1])
    return {"size": list(mask.shape), "counts": np.diff([0, *starts, mask.size]).tolist()}


def _used_types(shards: Sequence[Shard]) -> list[str]:
    """The types of all anomalies of the dataset, so that its splits number them alike, in the order of the files."""
    used: dict[str, bool] = {}
    for shard in shards:
        with shard:
            values = set(shard.column("anomalies", "anomaly_type").tolist())
            for value, name in enumerate(shard.type_names):
                used[name] = used.get(name, False) or value in values
    return [name for name, is_used in used.items() if is_used]


def _split_json(
    shards: Sequence[Shard], folder: Path, categories: Mapping[str, int], licences: Iterable[str]
) -> dict[str, Any]:
    """The JSON of one split but for what it says of itself; writes its images as it goes. Ids count from 1."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for query, shape_id in _queries(shards):
        path = folder / f"{query.name}.png"
        if not path.exists():
            write_png(path, query.image)
        height, width = query.object_mask.shape
        image_id = len(images) + 1
        size = {"width": width, "height": height}
        images.append({"id": image_id, "file_name": path.name, **size, "shape_id": shape_id})
        for anomaly in query.anomalies:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(anomaly, categories)})
    listed = [{"id": number, "name": name, "supercategory": "anomaly"} for name, number in categories.items()]
    return {
        "licenses": [{"id": number, "name": name, "url": ""} for number, name in enumerate(licences, 1)],
        "images": images,
        "annotations": annotations,
        "categories": listed,
    }


def _queries(shards: Sequence[Shard]) -> Iterator[tuple[QueryRecord, str]]:
    for shard in shards:
        with shard:
            ids = shard.column("shapes", "id")
            for row, shape_row in enumerate(shard.column("queries", "shape_index")):
                yield shard.query(row), str(ids[shape_row])


def _annotation(anomaly: AnomalyRecord, categories: Mapping[str, int]) -> dict[str, Any]:
    return {
        "category_id": categories[anomaly.type_name],
        "bbox": anomaly.bbox.tolist(),
        "segmentation": run_lengths(anomaly.region),
        "area": int(np.count_nonzero(anomaly.region)),
        "iscrowd": 0,
        "part_label": anomaly.part_label,
    }

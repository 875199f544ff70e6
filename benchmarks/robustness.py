"""How a model that compares holds out where photographs and references are not as in training.

    python -m benchmarks.robustness CHECKPOINT DATASET [--split test] [--shapes 20] [--only jpeg]

Each row is a copy of the split in which one thing is changed. Cameras are looked for with nothing known of them, but
for the first row, which knows all but the direction. Columns: AUC, its loss, the share of directions within 5 degrees.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pymeshlab
import trimesh
from PIL import Image, ImageFilter

from benchmarks.table import write_rows
from materials.catalogue import load_catalogue
from pipeline.format.boxes import bounding_box
from pipeline.format.labels import SPLITS
from pipeline.format.reader import Shard, find_shards
from pipeline.format.schema import AnomalyRecord, Mesh, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.training.evaluation.evaluate import evaluate_checkpoint
from pipeline.training.evaluation.metrics import CameraSource

MASKS = ("mask_new", "mask_old")
QUERY_MASKS = (*MASKS, "object_mask", "object_mask_normal", "part_ids", "depth")


def jpeg(query: QueryRecord) -> QueryRecord:
    stream = io.BytesIO()
    Image.fromarray(query.image).save(stream, "JPEG", quality=50)
    return replace(query, image=np.asarray(Image.open(stream)).copy())


def blurred(query: QueryRecord) -> QueryRecord:
    """By a Gaussian of one pixel at 128."""
    blur = ImageFilter.GaussianBlur(len(query.image) / 128)
    return replace(query, image=np.asarray(Image.fromarray(query.image).filter(blur)))


def before_wood(query: QueryRecord) -> QueryRecord:
    """With planks of oak in place of white, under the same shadow."""
    planks = next(material for material in load_catalogue() if material.name.startswith("oak"))
    behind = planks.source.maps(len(query.image)).base_color * (query.image / 255.0)
    image = np.where(query.object_mask[..., None] > 0, query.image, behind.round().astype(np.uint8))
    return replace(query, image=image)


def turned(query: QueryRecord, degrees: float) -> QueryRecord:
    """By a camera that rolls; the image's content turns clockwise."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    roll = np.eye(4)
    roll[:2, :2] = [[cos, -sin], [sin, cos]]
    pose = (roll @ query.world_to_camera).astype(np.float32)
    return replace(_warped(query, roll[:2, :2]), world_to_camera=pose)


def zoomed(query: QueryRecord, by: float) -> QueryRecord:
    """By a focal length so many times as long."""
    K = query.K.copy()
    K[:2, :2] *= by
    return replace(_warped(query, by * np.eye(2)), K=K)


def _warped(query: QueryRecord, matrix: np.ndarray) -> QueryRecord:
    """About the principal point, white where nothing was."""
    centre = query.K[:2, 2].astype(np.float64)
    inverse = np.linalg.inv(matrix)
    affine = np.column_stack([inverse, centre - inverse @ centre]).ravel().tolist()
    size = (len(query.image),) * 2

    def moved(array: np.ndarray) -> np.ndarray:
        image = Image.fromarray(array if array.dtype != np.uint16 else array.astype(np.int32))
        warped = image.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.NEAREST, fillcolor=0)
        return np.asarray(warped).astype(array.dtype)

    image = Image.fromarray(query.image).transform(
        size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255)
    )
    anomalies = tuple(_anomaly(anomaly, moved) for anomaly in query.anomalies)
    masks: dict[str, Any] = {name: moved(getattr(query, name)) for name in QUERY_MASKS}
    box = _box(masks["mask_new"], masks["mask_old"])
    return replace(query, image=np.asarray(image), anomalies=anomalies, bbox=box, **masks)


def _anomaly(anomaly: AnomalyRecord, moved: Callable[[np.ndarray], np.ndarray]) -> AnomalyRecord:
    masks: dict[str, Any] = {name: moved(getattr(anomaly, name)) for name in MASKS}
    return replace(anomaly, bbox=_box(masks["mask_new"], masks["mask_old"]), **masks)


def _box(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    region = new if new.any() else old
    return np.array(bounding_box(region > 0) if region.any() else (0, 0, 0, 0), dtype=np.float32)


def smoothed(mesh: Mesh) -> Mesh:
    """By three rounds of Laplace's smoothing of triangles with edges of at most a twentieth of the radius."""

    def smooth(part: trimesh.Trimesh) -> trimesh.Trimesh:
        fine = part.subdivide_to_size(0.05)
        fine.merge_vertices()
        return trimesh.smoothing.filter_laplacian(fine, lamb=0.3, iterations=3, volume_constraint=False)

    return _by_part(mesh, smooth)


def decimated(mesh: Mesh) -> Mesh:
    """To half of its triangles, part by part, by quadric edge collapse."""

    def halve(part: trimesh.Trimesh) -> trimesh.Trimesh:
        meshes = pymeshlab.MeshSet()
        meshes.add_mesh(pymeshlab.Mesh(part.vertices, part.faces))
        meshes.meshing_decimation_quadric_edge_collapse(targetperc=0.5)
        half = meshes.current_mesh()
        return trimesh.Trimesh(half.vertex_matrix(), half.face_matrix(), process=False)

    return _by_part(mesh, halve)


def _by_part(mesh: Mesh, change: Callable[[trimesh.Trimesh], trimesh.Trimesh]) -> Mesh:
    changed = []
    for part in mesh.labels:
        solid = trimesh.Trimesh(mesh.vertices, mesh.faces[mesh.part_ids == part], process=False)
        solid.remove_unreferenced_vertices()
        solid.merge_vertices()
        changed.append(change(solid))
    vertices, faces = trimesh.util.append_faces([part.vertices for part in changed], [part.faces for part in changed])
    part_ids = np.repeat(list(mesh.labels), [len(part.faces) for part in changed]).astype(np.uint16)
    return replace(mesh, vertices=vertices.astype(np.float32), faces=faces.astype(np.int32), part_ids=part_ids)


def shaken(mesh: Mesh) -> Mesh:
    """Every vertex by half a percent of the object's radius, as of a scan."""
    noise = np.random.default_rng(0).normal(0.0, 0.005, mesh.vertices.shape)
    return replace(mesh, vertices=(mesh.vertices + noise).astype(np.float32))


QUERIES: dict[str, Callable[[QueryRecord], QueryRecord]] = {
    "nothing": lambda query: query,
    "jpeg, quality 50": jpeg,
    "blurred": blurred,
    "before wood": before_wood,
    "rolled by 10 degrees": lambda query: turned(query, 10.0),
    "rolled by -10 degrees": lambda query: turned(query, -10.0),
    "focal length 10 % longer": lambda query: zoomed(query, 1.1),
    "focal length 10 % shorter": lambda query: zoomed(query, 1 / 1.1),
}
MESHES: dict[str, Callable[[Mesh], Mesh]] = {
    "reference smoothed": smoothed,
    "reference decimated": decimated,
    "reference's vertices shaken": shaken,
}


def main(arguments: argparse.Namespace) -> None:
    """A table and its JSON."""
    rows: dict[str, dict[str, float]] = {}
    print(f"{'':32}{'AUC':>8}{'loss':>8}{'camera':>8}")
    for name in ("direction alone unknown", *QUERIES, *MESHES):
        if arguments.only and arguments.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            records = islice(_changed(arguments.dataset, arguments.split, name), arguments.shapes)
            path = Path(folder) / "shards" / f"{arguments.split}-00000.h5"
            write_shard(path, arguments.split, "{}", "changed", records, 1)
            cameras: CameraSource = "found" if name == "direction alone unknown" else "any"
            judged = evaluate_checkpoint(arguments.checkpoint, Path(folder), arguments.split, "cpu", 0, cameras=cameras)
        found = judged.evaluation.overall
        assert found.auc is not None and found.pose is not None
        first = next(iter(rows.values()), {"auc": found.auc})
        rows[name] = {"auc": found.auc, "loss": first["auc"] - found.auc, "camera": found.pose}
        print(f"{name:32}{100 * found.auc:8.1f}{100 * rows[name]['loss']:8.1f}{100 * found.pose:8.1f}", flush=True)
    write_rows("robustness", rows)


def _changed(dataset: Path, split: str, name: str) -> Iterator[ShapeRecord]:
    for path in find_shards(dataset, split):
        with Shard(path) as shard:
            for row in range(shard.shape_count):
                shape, mesh = shard.shape(row), shard.mesh(row)
                queries = tuple(QUERIES[name](query) for query in shape.queries) if name in QUERIES else shape.queries
                yield replace(shape, queries=queries, mesh=MESHES[name](mesh) if name in MESHES else mesh)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--shapes", type=int, default=20)
    parser.add_argument("--only", help="rows whose names hold this")
    main(parser.parse_args())

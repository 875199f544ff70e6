"""A contact sheet of anomalies, to be looked at one by one: ``python -m benchmarks.anomaly_sheet FOLDER``.

Every cell shows the intact shape with the part in blue and the changed one with it in orange; magenta
is the inside of a surface. Real chairs: L3D_PARTNET=<folder of shapes>.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.shapes import Collection, collections
from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.targets.candidates import order
from pipeline.errors import UnitRejected
from pipeline.format.cameras import Camera, look_at_origin
from pipeline.format.labels import ANOMALY_TYPES
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape

PER_TYPE, COLUMNS, TILE = 20, 5, 200
AZIMUTHS = range(20, 380, 40)
OLD, NEW, REST, INSIDE = (60, 110, 220), (240, 140, 30), (175, 175, 175), (255, 0, 255)
Meshes = Sequence[tuple[int, trimesh.Trimesh]]


def main(folder: Path) -> None:
    """One sheet a type: real chairs first where there are any, then synthetic ones."""
    folder.mkdir(parents=True, exist_ok=True)
    chairs = collections(synthetic=18, per_shape=2, types=ANOMALY_TYPES)
    for kind in ANOMALY_TYPES:
        made = [m for c in chairs for m in _make(c, kind)]
        step = max(1, len(made) // PER_TYPE)
        _sheet(made[::step][:PER_TYPE], kind).save(folder / f"{kind}.png")


def _make(collection: Collection, kind: str) -> list[tuple[Shape, Anomaly]]:
    made = []
    for shape_id, plan in collection.plan.items():
        for planned in (p for p in plan.anomalies if p.type == kind):
            candidates = collection.planner.candidates(shape_id, kind)
            first = next(node for node in candidates if node.part_ids == planned.target)
            targets = order(candidates, first, rng(0, "sheet", shape_id, planned.name))
            shape = collection.shapes[shape_id]
            try:
                donors = collection.donors(planned)
                anomaly = make_anomaly(shape, planned.index, kind, targets, donors, AnomaliesConfig(), 0)
            except UnitRejected as rejection:
                print(rejection.message)
            else:
                made.append((shape, anomaly))
    return made


def _sheet(made: Sequence[tuple[Shape, Anomaly]], kind: str) -> Image.Image:
    rows = -(-len(made) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (2 * TILE + 8), rows * (TILE + 18)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (shape, anomaly) in enumerate(made):
        x, y = number % COLUMNS * (2 * TILE + 8), number // COLUMNS * (TILE + 18)
        before, after = part_meshes(shape), part_meshes(shape, [anomaly])
        azimuth = max(AZIMUTHS, key=lambda a: _changed(before, after, a))
        for offset, meshes, colour in ((0, before, OLD), (TILE, after, NEW)):
            picture = _picture(meshes, dict.fromkeys(anomaly.target, colour), _camera(azimuth, TILE))
            sheet.paste(Image.fromarray(picture), (x + offset, y + 16))
        label = anomaly.target_label.rsplit("/", 1)[-1]
        pen.text(
            (x + 4, y + 2), f"{number} {shape.shape_id} {kind} {label} {anomaly.proof.get('method', '')}", fill="black"
        )
    return sheet


def _camera(azimuth: float, size: int) -> Camera:
    K = np.array([[1.14 * size, 0, size / 2], [0, 1.14 * size, size / 2], [0, 0, 1]])
    return Camera(K, look_at_origin(azimuth, 28.0, 2.5), size)


def _changed(before: Meshes, after: Meshes, azimuth: float) -> int:
    camera = _camera(azimuth, 64)
    return int((_picture(before, {}, camera) != _picture(after, {}, camera)).any(axis=2).sum())


def _picture(meshes: Meshes, colours: dict[int, tuple[int, int, int]], camera: Camera) -> NDArray[np.uint8]:
    """(S, S, 3): faces in their part's colour, darker the more they turn away, seen from behind in magenta."""
    ids = np.repeat([i for i, _ in meshes], [len(m.faces) for _, m in meshes])
    mesh = trimesh.util.concatenate([trimesh.Trimesh(m.vertices, m.faces, process=False) for _, m in meshes])
    rays = camera.rays.reshape(-1, 3)
    face = trimesh.ray.ray_pyembree.RayMeshIntersector(mesh).intersects_first(
        np.tile(camera.centre, (len(rays), 1)), rays
    )
    facing = -(mesh.face_normals[face] * rays).sum(axis=1) / np.linalg.norm(rays, axis=1)
    colour = np.array([colours.get(int(i), REST) for i in ids])[face].astype(float)
    colour[facing < 0] = INSIDE if colours else REST
    shaded = colour * (0.35 + 0.65 * np.abs(facing))[:, None]
    picture = np.where((face >= 0)[:, None], shaded, 255).astype(np.uint8)
    return picture.reshape(camera.resolution, camera.resolution, 3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Datasets in small pieces, to be carried to a machine with a GPU: images as lossless WebP, everything else by LZMA.

What training does not read by default, part ids and depth of the queries, is left out. The views' own are left out too
and traced from the mesh again: where Embree is there, that is, else they are said to be unknown.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.digests import file_digest
from pipeline.errors import PipelineError
from pipeline.files import atomic, write_json
from pipeline.format import schema
from pipeline.format.cameras import Camera
from pipeline.format.labels import LABELS, SPLITS
from pipeline.format.reader import NoShards, Shard, find_shards
from pipeline.format.schema import AnomalyRecord, Gaps, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard

MANIFEST = "kit.json"
PIECE_BYTES = 60 * 10**6
#: Columns that no piece holds: of the queries for good, and of the views until they are traced.
OF_QUERIES = ("queries/part_ids", "queries/depth")
OF_VIEWS = ("shapes/part_ids", "shapes/depth")

Arrays = Mapping[str, NDArray[Any]]


def pack(dataset: Path, out: Path, most: int, jobs: int) -> Iterator[Path]:
    """Write pieces of at most ``most`` bytes each, where one shape alone is not more, and a list of them at last."""
    pieces: dict[str, str] = {}
    for split in SPLITS:
        try:
            paths = find_shards(dataset, split)
        except NoShards:
            continue
        for path in _write_pieces(paths, split, out, most, jobs):
            pieces[path.name] = file_digest(path)
            yield path
    write_json(out / MANIFEST, pieces)


def check(kit: Path) -> list[Path]:
    """The pieces. Raises PipelineError where one is missing, cut off, or not the one that was packed."""
    try:
        pieces = json.loads((kit / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise PipelineError(f"{kit} is no kit ({MANIFEST}: {error}); make one with `benchmarks.gpu pack`") from error
    for name, digest in pieces.items():
        path = kit / name
        if not path.is_file():
            raise PipelineError(f"{path} is missing; copy the kit again")
        if file_digest(path) != digest:
            raise PipelineError(f"{path} is not whole; copy it again")
    return [kit / name for name in pieces]


def unpack(pieces: Sequence[Path], out: Path, traced: bool, jobs: int) -> None:
    """Shards of the same names in ``out/shards``, in as many processes as ``jobs`` says.

    traced: trace depth and part ids of the views where the meshes are known, which needs Embree.
    """
    targets = [out / "shards" / f"{piece.stem}.h5" for piece in pieces]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        list(pool.map(_unpack, pieces, targets, [traced] * len(pieces)))


def _write_pieces(paths: Sequence[Path], split: str, out: Path, most: int, jobs: int) -> Iterator[Path]:
    """As few files as their order and size allow; a shape is never divided."""
    places = [(path, row) for path in paths for row in range(Shard(path).shape_count)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        number, waiting, size = count(), list[bytes](), 0
        for coded in pool.map(_coded, *zip(*places, strict=True), chunksize=4):
            if waiting and size + len(coded) > most:
                yield _write_piece(out / f"{split}-{next(number):05d}.zip", waiting)
                waiting, size = [], 0
            waiting.append(coded)
            size += len(coded)
        yield _write_piece(out / f"{split}-{next(number):05d}.zip", waiting)


def _write_piece(path: Path, shapes: Sequence[bytes]) -> Path:
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as file:
        for number, coded in enumerate(shapes):
            file.writestr(f"{number:05d}", coded)
    return path


def _unpack(piece: Path, target: Path, traced: bool) -> None:
    split = piece.name.split("-")[0]
    with zipfile.ZipFile(piece) as file:
        names = sorted(file.namelist())
        first = decode(file.read(names[0]))
        traced = traced and first.mesh is not None
        missing = () if first.mesh is not None else schema.MESH_COLUMNS
        gaps = Gaps(unknown=(*OF_QUERIES, *(() if traced else OF_VIEWS), *missing))
        shapes = (decode(file.read(name)) for name in names)
        types = next((query.type_names for query in first.queries), LABELS)
        write_shard(target, split, "{}", "", map(trace, shapes) if traced else shapes, 1, gaps, types)


def trace(shape: ShapeRecord) -> ShapeRecord:
    """The shape with depth and part ids of its views as rays find them on its mesh."""
    from pipeline.geometry.raycast import RayScene
    from pipeline.geometry.soup import soup_of

    assert shape.mesh is not None
    scene = RayScene(soup_of(shape.mesh))
    poses = zip(shape.K, shape.world_to_camera, strict=True)
    seen = [scene.render(Camera.stored(*pose, shape.image.shape[-1])) for pose in poses]
    depth, part_ids = (np.stack([getattr(view, name) for view in seen]) for name in ("depth", "part_ids"))
    return replace(shape, depth=depth, part_ids=part_ids)


def _coded(path: Path, row: int) -> bytes:
    with Shard(path) as shard:
        return encode(shard.shape(row))


def encode(shape: ShapeRecord) -> bytes:
    """A shape with its queries and, if it has one, its mesh, but for what pieces leave out."""
    anomalies = [(number, anomaly) for number, query in enumerate(shape.queries) for anomaly in query.anomalies]
    arrays = {
        **_columns("shapes", schema.SHAPES, [shape]),
        **_columns("queries", schema.QUERY_RECORD, shape.queries),
        **_columns("anomalies", schema.ANOMALY_RECORD, [anomaly for _, anomaly in anomalies]),
        "query": np.array([number for number, _ in anomalies], dtype=np.int32),
        "type_names": np.array(shape.queries[0].type_names if shape.queries else []),
    }
    for group, rows in ({} if shape.mesh is None else shape.mesh.rows()).items():
        arrays |= {f"{group}/{name}": np.asarray(values) for name, values in rows.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, array in arrays.items():
            if name.endswith("/image"):
                images = array.reshape(-1, *array.shape[1 + (name == "shapes/image") :])
                for number, image in enumerate(images):
                    file.writestr(f"{name}/{number:04d}", _webp(image), zipfile.ZIP_STORED)
            else:
                file.writestr(name, _npy(array), zipfile.ZIP_LZMA)
    return stream.getvalue()


def decode(coded: bytes) -> ShapeRecord:
    """What ``encode`` was given, zeros for what it left out."""
    with zipfile.ZipFile(io.BytesIO(coded)) as file:
        names = sorted(file.namelist())
        images = {
            group: [np.asarray(Image.open(file.open(name))) for name in names if name.startswith(f"{group}/image/")]
            for group in ("shapes", "queries")
        }
        arrays = {name: np.load(file.open(name)) for name in names if "/image/" not in name}
    views = np.stack([image[..., 0] for image in images["shapes"]])  # WebP has three channels, here all alike
    arrays |= {"shapes/image": views[None], "queries/image": np.array(images["queries"])}
    types = tuple(arrays["type_names"].tolist())
    found = [
        (int(number), AnomalyRecord(**_row("anomalies", schema.ANOMALY_RECORD, arrays, i), type_names=types))
        for i, number in enumerate(arrays["query"])
    ]
    size = views.shape[1:]
    for name, shape in (("queries", (len(images["queries"]), *size)), ("shapes", (1, *views.shape))):
        arrays |= {f"{name}/depth": np.zeros(shape, np.float32), f"{name}/part_ids": np.zeros(shape, np.uint16)}
    queries = tuple(
        QueryRecord(
            **_row("queries", schema.QUERY_RECORD, arrays, i),
            anomalies=tuple(anomaly for number, anomaly in found if number == i),
            type_names=types,
        )
        for i in range(len(images["queries"]))
    )
    known = "faces/vertices" in arrays
    mesh = schema.mesh_of(lambda group, name: arrays[f"{group}/{name}"]) if known else None
    return ShapeRecord(**_row("shapes", schema.SHAPES, arrays, 0), queries=queries, mesh=mesh)


def _columns(group: str, columns: Mapping[str, schema.Column], records: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """The records' values, one array a column."""
    return {
        f"{group}/{name}": np.array([getattr(record, name) for record in records], dtype=_dtype(column))
        for name, column in columns.items()
        if f"{group}/{name}" not in OF_QUERIES + OF_VIEWS
    }


def _dtype(column: schema.Column) -> str | None:
    return None if column.dtype == schema.TEXT else column.dtype


def _row(group: str, columns: Mapping[str, schema.Column], arrays: Arrays, row: int) -> dict[str, Any]:
    values = {name: arrays[f"{group}/{name}"][row] for name in columns}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _webp(image: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", lossless=True, method=2)
    return stream.getvalue()

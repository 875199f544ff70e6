"""The shard format ``l3d-shard`` version 2: the one place that owns every dataset's name, dtype and shape.

The record classes are the schema: each field annotated with a :class:`Column` is one HDF5 dataset
of the same name, with one row a record. ``docs/format.md`` describes the format for readers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format.labels import LABELS

FORMAT = "l3d-shard"
VERSION = 2
#: Versions that are read. Since 2 a shape has its mesh.
READABLE = (1, 2)
PATCH = 8  # pixels along the edge of a patch of the reference views (``patch_xyz``)
TEXT_BYTES = 256  # fixed-length UTF-8, so that texts too are compressed and under a checksum
TEXT = "text"

Dim = int | str


@dataclass(frozen=True)
class Column:
    """dtype: a NumPy dtype string or TEXT; dims: the shape of one row, symbols resolved by :class:`Dims`."""

    dtype: str
    dims: tuple[Dim, ...] = ()

    @property
    def stored(self) -> np.dtype[Any]:
        """The dtype of its dataset."""
        return np.dtype(h5py.string_dtype("utf-8", TEXT_BYTES) if self.dtype == TEXT else self.dtype)


@dataclass(frozen=True)
class Dims:
    """What the symbols of a shard stand for: V views a shape, H x W pixels, P surface points a shape."""

    V: int
    H: int
    W: int
    P: int

    def shape(self, column: Column) -> tuple[int, ...]:
        """Shape of one row of ``column``; ``h`` and ``w`` count patches."""
        sizes = {"V": self.V, "H": self.H, "W": self.W, "P": self.P, "h": self.H // PATCH, "w": self.W // PATCH}
        return tuple(sizes[d] if isinstance(d, str) else d for d in column.dims)


Text = Annotated[str, Column(TEXT)]
U8 = Annotated[int, Column("u1")]
I32 = Annotated[int, Column("i4")]
F32 = Annotated[float, Column("f4")]
Box = Annotated[NDArray[np.float32], Column("f4", (4,))]
Mask = Annotated[NDArray[np.uint8], Column("u1", ("H", "W"))]


@dataclass(frozen=True, eq=False)
class AnomalyRecord:
    """One anomaly of one query image: a row of ``anomalies/``.

    anomaly_type: index into ``type_names``, the ``names`` of the file that the record is from.
    part_label: label path of the anomalous part.
    mask_new, mask_old: visible pixels of the part as it is now and as it was, 0 or 255.
    bbox: [x, y, width, height] in pixels, half-open: the tight box of ``mask_new``, or of ``mask_old``
        for a missing part.
    """

    anomaly_type: U8
    part_label: Text
    bbox: Box
    mask_new: Mask
    mask_old: Mask
    type_names: tuple[str, ...] = LABELS

    @property
    def type_name(self) -> str:
        return self.type_names[self.anomaly_type]

    @property
    def region(self) -> NDArray[np.uint8]:
        """The mask that the box bounds: where the part is, or where it was if nothing of it is left."""
        return self.mask_new if self.mask_new.any() else self.mask_old


@dataclass(frozen=True, eq=False)
class QueryRecord:
    """One query image: a row of ``queries/``, and its anomalies.

    name: the published file stem, ``render_<shape>_<texture>_<radius>_<az>_<el>_<light>_<normal|anomaly>``.
    anomaly_type, part_label, bbox, mask_new, mask_old: as ``combine`` (``combine.py``) makes them of
        ``anomalies``: those of the only one, of several all together, of none (normal) zeros and ''.
    object_mask, object_mask_normal: the whole object now, and intact, 0 or 255.
    part_ids: 0 is background; depth: z in world units, 0 is background; both as the image shows it.
    K: pixels, centres at integer + 0.5; world_to_camera: OpenCV axes.
    azimuth, elevation: degrees; radius: object radii; light, texture: indices.
    """

    name: Text
    image: Annotated[NDArray[np.uint8], Column("u1", ("H", "W", 3))]
    anomaly_type: U8
    part_label: Text
    bbox: Box
    mask_new: Mask
    mask_old: Mask
    object_mask: Mask
    object_mask_normal: Mask
    part_ids: Annotated[NDArray[np.uint16], Column("u2", ("H", "W"))]
    depth: Annotated[NDArray[np.float32], Column("f4", ("H", "W"))]
    K: Annotated[NDArray[np.float32], Column("f4", (3, 3))]
    world_to_camera: Annotated[NDArray[np.float32], Column("f4", (4, 4))]
    azimuth: F32
    elevation: F32
    radius: F32
    light: U8
    texture: I32
    anomalies: tuple[AnomalyRecord, ...] = ()
    type_names: tuple[str, ...] = LABELS

    @property
    def label(self) -> int:
        """1 for an anomaly, 0 for normal, the first of the names (the column ``queries/label``)."""
        return int(self.anomaly_type > 0)

    @property
    def type_name(self) -> str:
        return self.type_names[self.anomaly_type]


@dataclass(frozen=True, eq=False)
class Mesh:
    """The surface of one intact shape: its parts, one after the other by their ids.

    vertices: (n, 3) float32 in the world; faces: (m, 3) int32, rows of ``vertices``; part_ids: (m,) uint16, the part of
    each face; labels: the label path of every part by its id.

    >>> square = Mesh(
    ...     vertices=np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32),
    ...     faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    ...     part_ids=np.array([1, 2], np.uint16),
    ...     labels={1: "tile/lower", 2: "tile/upper"},
    ... )
    >>> square.vertices[square.faces[square.part_ids == 2]].tolist()
    [[[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]]
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    part_ids: NDArray[np.uint16]
    labels: Mapping[int, str]

    def rows(self) -> dict[str, dict[str, NDArray[Any] | list[Any]]]:
        """What a file holds of it: by group and dataset, an array or, of the few parts, a list."""
        return {
            "vertices": {"position": self.vertices},
            "faces": {"vertices": self.faces, "part_id": self.part_ids},
            "parts": {"part_id": list(self.labels), "label": list(self.labels.values())},
        }


def mesh_of(read: Callable[[str, str], NDArray[Any]]) -> Mesh:
    """The mesh of which ``read`` gives the rows of any group and dataset."""
    labels = zip(read("parts", "part_id").tolist(), read("parts", "label").tolist(), strict=True)
    return Mesh(read("vertices", "position"), read("faces", "vertices"), read("faces", "part_id"), dict(labels))


@dataclass(frozen=True, eq=False)
class ShapeRecord:
    """One intact reference shape, a row of ``shapes/``, its mesh and its query images.

    image: grayscale views; depth, part_ids, K, world_to_camera: as in :class:`QueryRecord`, per view.
    patch_xyz: world position of each patch's hit pixel nearest the patch's centre, where ``patch_valid``.
    points: surface points in the world; point_pixels: their projection (x, y) into every view;
    point_visible: inside the view and not hidden.
    mesh: None where it is unknown, or was not asked for.
    """

    id: Text
    model_id: Text
    category: Text
    image: Annotated[NDArray[np.uint8], Column("u1", ("V", "H", "W"))]
    depth: Annotated[NDArray[np.float32], Column("f4", ("V", "H", "W"))]
    part_ids: Annotated[NDArray[np.uint16], Column("u2", ("V", "H", "W"))]
    K: Annotated[NDArray[np.float32], Column("f4", ("V", 3, 3))]
    world_to_camera: Annotated[NDArray[np.float32], Column("f4", ("V", 4, 4))]
    patch_xyz: Annotated[NDArray[np.float32], Column("f4", ("V", "h", "w", 3))]
    patch_valid: Annotated[NDArray[np.bool_], Column("?", ("V", "h", "w"))]
    points: Annotated[NDArray[np.float32], Column("f4", ("P", 3))]
    point_pixels: Annotated[NDArray[np.float32], Column("f4", ("V", "P", 2))]
    point_visible: Annotated[NDArray[np.bool_], Column("?", ("V", "P"))]
    queries: tuple[QueryRecord, ...] = ()
    mesh: Mesh | None = None


def _record_columns(record_class: type) -> dict[str, Column]:
    hints = get_type_hints(record_class, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


#: What a record holds, and what a group holds: the writer derives the columns that a group has beyond its records.
QUERY_RECORD = _record_columns(QueryRecord)
ANOMALY_RECORD = _record_columns(AnomalyRecord)
SHAPES = _record_columns(ShapeRecord)
QUERIES = {"shape_index": Column("i4"), "label": Column("u1"), **QUERY_RECORD}
ANOMALIES = {"query_index": Column("i4"), **ANOMALY_RECORD}
#: Which rows of the meshes' groups are a shape's: the first, and the one after the last.
RANGES = {"vertices": "vertex_range", "faces": "face_range", "parts": "part_range"}
MESHES: Mapping[str, Mapping[str, Column]] = {
    "vertices": {"position": Column("f4", (3,))},
    "faces": {"vertices": Column("i4", (3,)), "part_id": Column("u2")},
    "parts": {"part_id": Column("u2"), "label": Column(TEXT)},
}
#: A source tells all of them or none.
MESH_COLUMNS = tuple(f"{group}/{name}" for group, columns in MESHES.items() for name in columns)
GROUPS: Mapping[str, Mapping[str, Column]] = {
    "queries": QUERIES,
    "anomalies": ANOMALIES,
    "shapes": {**SHAPES, **dict.fromkeys(RANGES.values(), Column("i8", (2,)))},
    **MESHES,
}

#: Columns that a source may not tell (zeros, empty texts or no rows then), or tell only roughly.
MAY_BE_UNKNOWN = (
    "queries/part_ids",
    "queries/depth",
    "shapes/category",
    "shapes/part_ids",
    "shapes/depth",
    *MESH_COLUMNS,
)
MAY_BE_ESTIMATED = ("queries/object_mask", "queries/object_mask_normal", "queries/K", "queries/world_to_camera")


@dataclass(frozen=True)
class Gaps:
    """What the source of a shard did not tell, by columns (``group/name``); nothing for what this program made.

    unknown: of MAY_BE_UNKNOWN, zeros or empty in every row; estimated: of MAY_BE_ESTIMATED, guessed in some rows, so
    other columns may contradict them.
    """

    unknown: tuple[str, ...] = ()
    estimated: tuple[str, ...] = ()

    @property
    def no_meshes(self) -> bool:
        """Whether the shapes' meshes are unknown."""
        return not set(MESH_COLUMNS).isdisjoint(self.unknown)


NO_GAPS = Gaps()


def groups(version: int) -> Mapping[str, Mapping[str, Column]]:
    """The datasets of a shard of that version, by group."""
    return GROUPS if version > 1 else {"queries": QUERIES, "anomalies": ANOMALIES, "shapes": SHAPES}


def dims_of(shape: ShapeRecord) -> Dims:
    """The sizes that a shape's own arrays fix. Raises PipelineError where they cannot be sizes."""
    image, points = np.shape(shape.image), np.shape(shape.points)
    if len(image) != 3 or len(points) != 2 or 0 in image or image[1] % PATCH or image[2] % PATCH:
        raise PipelineError(
            f"shape {shape.id}: shapes/image has shape {image} and shapes/points {points}; expected (V, H, W) with "
            f"H and W multiples of {PATCH}, and (P, 3)"
        )
    return Dims(*image, points[0])


def fits(text: str) -> bool:
    """Whether a column of texts can hold it: its length in UTF-8, no NUL, and no half of a surrogate pair.

    >>> fits("é" * 128), fits("é" * 129), fits("a\\0b")
    (True, False, False)
    """
    return len(text.encode(errors="surrogatepass")) <= TEXT_BYTES and not re.search("[\0\ud800-\udfff]", text)


def check(value: Any, column: Column, dims: Dims, where: str) -> None:
    """Raise PipelineError unless ``value`` fits its column exactly; ``where`` names dataset and record."""
    if column.dtype == TEXT:
        if not isinstance(value, str):
            raise PipelineError(f"{where}: got {type(value).__name__}, expected str")
        if not fits(value):
            raise PipelineError(f"{where}: {value!r} must have at most {TEXT_BYTES} UTF-8 bytes and no NUL")
    elif not column.dims:
        _check_scalar(value, np.dtype(column.dtype), where)
    else:
        _check_array(value, np.dtype(column.dtype), dims.shape(column), where)


def check_mesh(mesh: Mesh, dims: Dims, where: str) -> None:
    """The same for all rows of a mesh; ``where`` names the record."""
    for group, rows in mesh.rows().items():
        length = len(next(iter(rows.values())))
        for name, values in rows.items():
            column, place = MESHES[group][name], f"{where}{group}/{name}"
            if isinstance(values, list):
                for value in values:
                    check(value, column, dims, place)
            else:
                _check_array(values, np.dtype(column.dtype), (length, *column.dims), place)


def _check_array(value: Any, dtype: np.dtype[Any], shape: tuple[Dim, ...], where: str) -> None:
    got = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
    if not isinstance(value, np.ndarray) or value.dtype != dtype or value.shape != shape:
        raise PipelineError(f"{where}: got {got}, expected {dtype} {shape}")
    if dtype.kind == "f" and not np.isfinite(value).all():
        raise PipelineError(f"{where}: holds NaN or infinity; every stored number must be finite")


def _check_scalar(value: Any, dtype: np.dtype[Any], where: str) -> None:
    if dtype.kind == "f":
        fits = isinstance(value, int | float | np.floating | np.integer) and bool(np.isfinite(dtype.type(value)))
    else:
        limits = np.iinfo(dtype)
        fits = isinstance(value, int | np.integer) and bool(limits.min <= value <= limits.max)
    if not fits:
        raise PipelineError(f"{where}: got {value!r} ({type(value).__name__}), expected one {dtype}")

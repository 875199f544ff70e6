"""Writing shards: shape by shape, checked, whole or not at all, the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format import schema
from pipeline.format.labels import LABELS, SPLITS
from pipeline.format.schema import AnomalyRecord, Column, Dims, Gaps, Mesh, QueryRecord, ShapeRecord
from pipeline.hdf5 import atomic_hdf5

#: Rows of a few numbers or one text share chunks of about this many bytes.
CHUNK_BYTES = 16 * 1024


def write_shard(
    path: Path,
    split: str,
    config_json: str,
    fingerprint: str,
    shapes: Iterable[ShapeRecord],
    compression_level: int,
    gaps: Gaps = schema.NO_GAPS,
    type_names: tuple[str, ...] = LABELS,
) -> None:
    """Write one shard, taking shapes one by one and keeping none; ``path`` appears complete or not at all.

    ``compression_level``: gzip, 0 to 9; ``gaps``: what their source did not tell; ``type_names``: what the values of
    ``anomaly_type`` of all records stand for. The bytes depend on the arguments only (and the HDF5 version).
    Raises PipelineError for an unknown split, no shapes, a shape given twice or without a mesh (unless ``gaps`` say so
    of all), or an array whose dtype or shape is not the schema's; the text names shape, query, dataset, what it got
    and expected.
    """
    if split not in SPLITS:
        raise PipelineError(f"{path}: split {split!r} is not one of {', '.join(SPLITS)}")
    with atomic_hdf5(path, libver=("v110", "v110")) as file:
        _write_attributes(file, split, config_json, fingerprint, gaps)
        _write_shapes(path, file, shapes, compression_level, gaps, type_names)


def _write_attributes(file: h5py.File, split: str, config_json: str, fingerprint: str, gaps: Gaps) -> None:
    file.attrs["format"] = schema.FORMAT
    file.attrs["version"] = schema.VERSION
    file.attrs["split"] = split
    file.attrs["config"] = config_json
    file.attrs["fingerprint"] = fingerprint
    for name, columns in asdict(gaps).items():
        if columns:
            file.attrs[name] = columns


def _write_shapes(
    path: Path,
    file: h5py.File,
    shapes: Iterable[ShapeRecord],
    compression_level: int,
    gaps: Gaps,
    type_names: tuple[str, ...],
) -> None:
    dims: Dims | None = None
    seen: set[str] = set()
    for index, shape in enumerate(shapes):
        if shape.id in seen:
            raise PipelineError(f"{path}: shape {shape.id} is given twice; a shape is one row")
        seen.add(shape.id)
        if dims is None:
            dims = schema.dims_of(shape)
            _create_datasets(file, dims, compression_level, type_names)
        _check_record(shape, schema.SHAPES, dims, f"shape {shape.id}: shapes")
        _check_mesh(shape, gaps, dims)
        for query in shape.queries:
            where = f"shape {shape.id}, query {query.name}: "
            _check_typed(query, schema.QUERY_RECORD, dims, type_names, f"{where}queries")
            for anomaly in query.anomalies:
                _check_typed(anomaly, schema.ANOMALY_RECORD, dims, type_names, f"{where}anomalies")
        first = len(file["queries/name"])
        ranges = _append_mesh(file, shape.mesh)
        row = {name: getattr(shape, name) for name in schema.SHAPES} | ranges
        _append(file["shapes"], {name: [value] for name, value in row.items()})
        _append(file["queries"], _query_rows(shape.queries, index))
        _append(file["anomalies"], _anomaly_rows(shape.queries, first))
    if dims is None:
        raise PipelineError(f"{path}: no shapes to write; leave out the shard of an empty split")


def _create_datasets(file: h5py.File, dims: Dims, compression_level: int, type_names: tuple[str, ...]) -> None:
    for group, columns in schema.GROUPS.items():
        for name, column in columns.items():
            row = dims.shape(column)
            file.create_dataset(
                f"{group}/{name}",
                shape=(0, *row),
                maxshape=(None, *row),
                dtype=column.stored,
                chunks=_chunks(column, row, column.stored.itemsize),
                compression="gzip",
                compression_opts=compression_level,
                shuffle=True,
                fletcher32=True,
            )
    for group in ("queries", "anomalies"):
        file[f"{group}/anomaly_type"].attrs["names"] = type_names


def _chunks(column: Column, row: tuple[int, ...], item_bytes: int) -> tuple[int, ...]:
    """One row a chunk, one view of it where there are views (a trainer reads some of them); small rows share."""
    if column.dims[:1] == ("V",):
        return (1, 1, *row[1:])
    if any(isinstance(dim, str) for dim in column.dims):
        return (1, *row)
    return (CHUNK_BYTES // (item_bytes * math.prod(row)), *row)


def _check_record(
    record: ShapeRecord | QueryRecord | AnomalyRecord, columns: Mapping[str, Column], dims: Dims, where: str
) -> None:
    for name, column in columns.items():
        schema.check(getattr(record, name), column, dims, f"{where}/{name}")


def _check_typed(
    record: QueryRecord | AnomalyRecord,
    columns: Mapping[str, Column],
    dims: Dims,
    type_names: tuple[str, ...],
    where: str,
) -> None:
    """The same of a record whose type is written by the names of the file."""
    _check_record(record, columns, dims, where)
    if record.type_names != type_names:
        raise PipelineError(f"{where}/anomaly_type: is by the names {record.type_names}, expected {type_names}")
    if not record.anomaly_type < len(type_names):
        raise PipelineError(f"{where}/anomaly_type: got {record.anomaly_type}, expected 0 to {len(type_names) - 1}")


def _check_mesh(shape: ShapeRecord, gaps: Gaps, dims: Dims) -> None:
    where = f"shape {shape.id}: "
    if shape.mesh is None and not gaps.no_meshes:
        raise PipelineError(f"{where}has no mesh; give it one, or say by the gaps that meshes are unknown")
    if shape.mesh is not None and gaps.no_meshes:
        raise PipelineError(f"{where}has a mesh, though meshes are unknown by the gaps; leave out one or the other")
    if shape.mesh is not None:
        schema.check_mesh(shape.mesh, dims, where)


def _query_rows(queries: Sequence[QueryRecord], shape_index: int) -> dict[str, list[Any]]:
    rows = {name: [getattr(query, name) for query in queries] for name in schema.QUERY_RECORD}
    return {"shape_index": [shape_index] * len(queries), "label": [query.label for query in queries], **rows}


def _anomaly_rows(queries: Sequence[QueryRecord], first: int) -> dict[str, list[Any]]:
    """``first``: the row of the first query."""
    pairs = [(row, anomaly) for row, query in enumerate(queries, first) for anomaly in query.anomalies]
    rows = {name: [getattr(anomaly, name) for _, anomaly in pairs] for name in schema.ANOMALY_RECORD}
    return {"query_index": [row for row, _ in pairs], **rows}


def _append_mesh(file: h5py.File, mesh: Mesh | None) -> dict[str, tuple[int, int]]:
    """Write the rows of a mesh, if the shape has one; which they are goes into the shape's row."""
    if mesh is None:
        return dict.fromkeys(schema.RANGES.values(), (0, 0))
    return {schema.RANGES[group]: _append(file[group], rows) for group, rows in mesh.rows().items()}


def _append(group: h5py.Group, rows: Mapping[str, Sequence[Any] | NDArray[Any]]) -> tuple[int, int]:
    """Write rows to every dataset of the group. Returns the range of rows that they then are."""
    for name, values in rows.items():
        dataset = group[name]
        start = len(dataset)
        dataset.resize(start + len(values), axis=0)
        if isinstance(values, np.ndarray):
            dataset[start:] = values
        else:
            for row, value in enumerate(values, start):
                dataset[row] = value
        dataset.flush()  # or chunks lie in the file in the order in which Python forgets datasets
    return start, len(dataset)

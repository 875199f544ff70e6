"""Does a dataset hold what it says? Reads every byte and returns the problems it finds, in words."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from pipeline.errors import PipelineError
from pipeline.format import checks, schema
from pipeline.format.labels import NORMAL
from pipeline.format.mesh_checks import query_mesh_problems
from pipeline.format.reader import Shard, find_shards


def verify(folder: Path) -> list[str]:
    """Problems of every shard of a dataset and between them; an empty list means that none was found.

    Raises PipelineError where there are no shards at all.
    """
    problems: list[str] = []
    homes: dict[tuple[str, str], Path] = {}
    for path in find_shards(folder):
        try:
            with Shard(path) as shard:
                structure = _structure_problems(shard)
                found = structure or [*_content_problems(shard), *_second_homes(shard, homes)]
                problems += [f"{path.name}: {problem}" for problem in found]
        except PipelineError as error:
            problems.append(str(error))
    return problems


def _second_homes(shard: Shard, homes: dict[tuple[str, str], Path]) -> list[str]:
    """Shapes and names met before, which would leak between splits or overwrite each other; extends ``homes``."""
    problems = []
    for column in (("shapes", "id"), ("queries", "name")):
        for value in shard.column(*column):
            key = (column[0], value)
            if key in homes:
                problems.append(f"{'/'.join(column)} {value!r} is in {homes[key].name} already")
            homes[key] = shard.path
    return problems


def _structure_problems(shard: Shard) -> list[str]:
    """Missing, misshapen or foreign datasets and attributes, after which content cannot be read."""
    file = shard.file
    problems = [f"attribute {name} is missing" for name in ("config", "fingerprint", "split") if name not in file.attrs]
    if not shard.path.name.startswith(f"{file.attrs.get('split')}-"):
        problems.append(f"attribute split is {file.attrs.get('split')!r}, unlike the file's name")
    problems += checks.gaps_problems(shard.gaps)
    groups = schema.groups(shard.version)
    names = [f"{group}/{name}" for group, columns in groups.items() for name in columns]
    missing = [name for name in names if not isinstance(file.get(name), h5py.Dataset)]
    if missing:
        return problems + [f"dataset {name} is missing" for name in missing]
    image, points = file["shapes/image"].shape, file["shapes/points"].shape
    if len(image) != 4 or len(points) != 3:
        return [*problems, f"shapes/image has shape {image} and shapes/points {points}"]
    dims = schema.Dims(V=image[1], H=image[2], W=image[3], P=points[1])
    for group, columns in groups.items():
        rows = file[group][next(iter(columns))].shape[:1]
        for name, column in columns.items():
            dataset = file[group][name]
            shape = (*rows, *dims.shape(column))
            if dataset.dtype != column.stored or dataset.shape != shape:
                got, expected = f"{dataset.dtype} {dataset.shape}", f"{column.stored} {shape}"
                problems.append(f"{group}/{name}: got {got}, expected {expected}")
    return problems or [*_names_problems(shard), *_range_problems(shard)]


def _range_problems(shard: Shard) -> list[str]:
    """The rows of meshes must be divided among the shapes, one after the other, and be none where they are unknown."""
    problems = []
    for group, name in schema.RANGES.items() if shard.version > 1 else ():
        rows, ranges = len(next(iter(shard.file[group].values()))), shard.column("shapes", name)
        if shard.gaps.no_meshes and rows:
            problems.append(f"{group}/ is said to be unknown, but holds something")
        ends = np.append(0, ranges[:, 1])
        if (ranges[:, 0] != ends[:-1]).any() or (np.diff(ends) < 0).any() or ends[-1] != rows:
            problems.append(f"shapes/{name} does not divide the {rows} rows of {group}/ among the shapes")
    return problems


def _names_problems(shard: Shard) -> list[str]:
    """What ``anomaly_type`` stands for must be said, and alike wherever it stands."""
    stored = (shard.file[f"{group}/anomaly_type"].attrs.get("names", ()) for group in ("queries", "anomalies"))
    queries, anomalies = (tuple(str(name) for name in names) for names in stored)
    problems = []
    if queries[:1] != (NORMAL,) or len(set(queries)) < len(queries):
        problems.append(f"attribute names of queries/anomaly_type is {queries}, expected {NORMAL} and the types")
    if anomalies != queries:
        problems.append(f"attribute names of anomalies/anomaly_type is {anomalies}, unlike that of queries/")
    return problems


def _content_problems(shard: Shard) -> list[str]:
    problems = []
    index = shard.column("queries", "shape_index")
    for row in np.flatnonzero((index < 0) | (index >= shard.shape_count)):
        problems.append(f"query {row}: shape_index {index[row]} is no row of shapes/")
    index = shard.column("anomalies", "query_index")
    for row in np.flatnonzero((index < 0) | (index >= shard.query_count)):
        problems.append(f"anomaly {row}: query_index {index[row]} is no row of queries/")
    label, anomaly_type = shard.column("queries", "label"), shard.column("queries", "anomaly_type")
    for row in np.flatnonzero(label != (anomaly_type > 0)):
        problems.append(f"query {row}: label {label[row]} contradicts anomaly_type {anomaly_type[row]}")
    for row in range(shard.shape_count):
        try:
            shape = shard.shape(row)
        except PipelineError as error:  # a checksum: the other shapes are still worth reading
            problems.append(str(error))
            continue
        if shape.mesh is not None and np.diff(shard.row("shapes", "part_range", row)) != len(shape.mesh.labels):
            problems.append(f"shape {shape.id}: parts/ has a part id twice")
        problems += [f"shape {shape.id}: {problem}" for problem in checks.shape_problems(shape, shard.gaps)]
        for query in shape.queries:
            found = checks.name_problems(query.name, shape.id, query.label) + checks.query_problems(query, shard.gaps)
            if shape.mesh is not None:
                found += query_mesh_problems(query, shape.mesh)
            problems += [f"{query.name}: {problem}" for problem in found]
    return problems

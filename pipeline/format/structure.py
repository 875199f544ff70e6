"""What must hold of a shard before its rows can be read: attributes, and the dtypes and sizes of its datasets."""

from __future__ import annotations

import json

import h5py
import numpy as np

from pipeline.format import schema
from pipeline.format.checks import gaps_problems
from pipeline.format.labels import NORMAL
from pipeline.format.problems import Problem
from pipeline.format.reader import Shard

#: What h5py raises where the tables by which a file is read are damaged.
DAMAGED = (OSError, KeyError, ValueError, RuntimeError)


def structure_problems(shard: Shard) -> list[Problem]:
    """Missing, misshapen or foreign datasets and attributes, after which content cannot be read."""
    try:
        return _problems(shard, shard.file)
    except DAMAGED as error:
        return [Problem("its tables cannot be read: {}", (error,))]


def _problems(shard: Shard, file: h5py.File) -> list[Problem]:
    needed = ("config", "fingerprint", "split")
    problems = [Problem("attribute {} is missing", (name,)) for name in needed if name not in file.attrs]
    if not shard.path.name.startswith(f"{file.attrs.get('split')}-"):
        problems.append(Problem("attribute split is {!r}, unlike the file's name", (file.attrs.get("split"),)))
    if "config" in file.attrs and not _is_object(shard.config_json):
        problems.append(Problem("attribute config is not a JSON object"))
    problems += gaps_problems(shard.gaps)
    groups = schema.groups(shard.version)
    names = [f"{group}/{name}" for group, columns in groups.items() for name in columns]
    missing = [name for name in names if not isinstance(file.get(name), h5py.Dataset)]
    if missing:
        return problems + [Problem("dataset {} is missing", (name,)) for name in missing]
    image, points = file["shapes/image"].shape, file["shapes/points"].shape
    if len(image) != 4 or len(points) != 3:
        return [*problems, Problem("shapes/image has shape {} and shapes/points {}", (image, points))]
    dims = schema.Dims(V=image[1], H=image[2], W=image[3], P=points[1])
    for group, columns in groups.items():
        rows = file[group][next(iter(columns))].shape[:1]
        for name, column in columns.items():
            dataset = file[group][name]
            shape = (*rows, *dims.shape(column))
            if dataset.dtype != column.stored or dataset.shape != shape:
                got, expected = f"{dataset.dtype} {dataset.shape}", f"{column.stored} {shape}"
                problems.append(Problem("{}/{}: got {}, expected {}", (group, name, got, expected)))
    return problems or [*_names_problems(shard), *_range_problems(shard)]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except json.JSONDecodeError:
        return False


def _range_problems(shard: Shard) -> list[Problem]:
    """The rows of meshes must be divided among the shapes, one after the other, and be none where they are unknown."""
    problems = []
    for group, name in schema.RANGES.items() if shard.version > 1 else ():
        rows, ranges = len(next(iter(shard.file[group].values()))), shard.column("shapes", name)
        if shard.gaps.no_meshes and rows:
            problems.append(Problem("{}/ is said to be unknown, but holds something", (group,)))
        ends = np.append(0, ranges[:, 1])
        if (ranges[:, 0] != ends[:-1]).any() or (np.diff(ends) < 0).any() or ends[-1] != rows:
            undivided = "shapes/{} does not divide the {} rows of {}/ among the shapes"
            problems.append(Problem(undivided, (name, rows, group)))
    return problems


def _names_problems(shard: Shard) -> list[Problem]:
    """What ``anomaly_type`` stands for must be said, and alike wherever it stands."""
    stored = (shard.file[f"{group}/anomaly_type"].attrs.get("names", ()) for group in ("queries", "anomalies"))
    queries, anomalies = (tuple(str(name) for name in names) for names in stored)
    problems = []
    if queries[:1] != (NORMAL,) or len(set(queries)) < len(queries):
        unnamed = f"attribute names of queries/anomaly_type is {{}}, expected {NORMAL} and the types"
        problems.append(Problem(unnamed, (queries,)))
    if anomalies != queries:
        unlike = "attribute names of anomalies/anomaly_type is {}, unlike that of queries/"
        problems.append(Problem(unlike, (anomalies,)))
    return problems

"""What must hold of a shard before its rows can be read, whoever made it.

Every dataset is there, in the file itself, of its type and size; what names and numbers rows or types does so; and no
name leads out of a folder where it becomes a file's. None of it needs an image to be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format import checks, schema
from pipeline.format.labels import NORMAL, SPLITS
from pipeline.format.naming import is_file_name
from pipeline.format.problems import Problem
from pipeline.format.schema import Gaps
from pipeline.hdf5 import DAMAGED, fetch, inner_dataset


def gaps_of(file: h5py.File) -> Gaps:
    """What the source of a shard did not tell; of one of version 1 also the meshes."""
    unknown, estimated = (tuple(str(c) for c in file.attrs.get(name, ())) for name in ("unknown", "estimated"))
    return Gaps(unknown if file.attrs["version"] > 1 else (*unknown, *schema.MESH_COLUMNS), estimated)


def structure_problems(file: h5py.File, name: str) -> list[Problem]:
    """Why the rows of a shard called ``name`` cannot be read; nothing of a sound one."""
    try:
        known = [*_attribute_problems(file, name), *checks.gaps_problems(gaps_of(file))]
        return _dataset_problems(file, known)
    except PipelineError as error:
        return [Problem("{}", (error,))]
    except DAMAGED as error:
        return [Problem("it is damaged ({})", (" ".join(str(error).split()),))]


def _attribute_problems(file: h5py.File, name: str) -> Iterator[Problem]:
    for attribute in ("config", "fingerprint", "split"):
        if attribute not in file.attrs:
            yield Problem("attribute {} is missing", (attribute,))
        elif not isinstance(file.attrs[attribute], str):
            yield Problem("attribute {} is no text", (attribute,))
    split = file.attrs.get("split")
    if not (isinstance(split, str) and split in SPLITS and name.startswith(f"{split}-")):
        yield Problem("attribute split is {!r}, unlike the file's name", (split,))
    config = file.attrs.get("config")
    if isinstance(config, str) and not _is_object(config):
        yield Problem("attribute config is no JSON object")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _dataset_problems(file: h5py.File, problems: list[Problem]) -> list[Problem]:
    """Those that are known and those of datasets; what some tell of others only where nothing else is wrong."""
    groups = schema.groups(int(file.attrs["version"]))
    places = [(group, name) for group, columns in groups.items() for name in columns]
    found = {place: inner_dataset(file, "/".join(place)) for place in places}
    missing = [Problem("dataset {} is missing", ("/".join(place),)) for place, own in found.items() if own is None]
    if missing:
        return problems + missing
    datasets = {place: dataset for place, dataset in found.items() if dataset is not None}
    return (
        [*problems, *_shape_problems(datasets, groups)]
        or [*_type_name_problems(datasets), *_range_problems(datasets, gaps_of(file))]
        or [*_row_problems(datasets), *_name_problems(datasets)]
    )


Datasets = Mapping[tuple[str, str], h5py.Dataset]


def _shape_problems(datasets: Datasets, groups: Mapping[str, Mapping[str, schema.Column]]) -> Iterator[Problem]:
    image, points = datasets["shapes", "image"].shape, datasets["shapes", "points"].shape
    if image is None or points is None or len(image) != 4 or len(points) != 3:
        yield Problem("shapes/image has shape {} and shapes/points {}", (image, points))
        return
    dims = schema.Dims(V=image[1], H=image[2], W=image[3], P=points[1])
    for group, columns in groups.items():
        rows = (datasets[group, next(iter(columns))].shape or ())[:1]
        for name, column in columns.items():
            dataset, shape = datasets[group, name], (*rows, *dims.shape(column))
            if dataset.dtype != column.stored or dataset.shape != shape or not rows:
                got, expected = f"{dataset.dtype} {dataset.shape}", f"{column.stored} {shape}"
                yield Problem("{}/{}: got {}, expected {}", (group, name, got, expected))


def _type_name_problems(datasets: Datasets) -> Iterator[Problem]:
    """What ``anomaly_type`` stands for must be said, and alike wherever it stands."""
    queries, anomalies = (type_names(datasets[group, "anomaly_type"]) for group in ("queries", "anomalies"))
    if queries[:1] != (NORMAL,) or len(set(queries)) < len(queries):
        yield Problem(f"attribute names of queries/anomaly_type is {{}}, expected {NORMAL} and the types", (queries,))
    if anomalies != queries:
        yield Problem("attribute names of anomalies/anomaly_type is {}, unlike that of queries/", (anomalies,))
    yield from _unsafe("attribute names of queries/anomaly_type", queries)


def type_names(dataset: h5py.Dataset) -> tuple[str, ...]:
    """What the values of a dataset ``anomaly_type`` stand for."""
    return tuple(str(name) for name in dataset.attrs.get("names", ()))


def _range_problems(datasets: Datasets, gaps: Gaps) -> Iterator[Problem]:
    """The rows of meshes must be divided among the shapes, one after the other, and be none where they are unknown."""
    for group, name in schema.RANGES.items():
        if ("shapes", name) not in datasets:
            continue  # of version 1
        rows = next(len(dataset) for (own, _), dataset in datasets.items() if own == group)
        ranges = fetch(datasets["shapes", name], slice(None))
        if gaps.no_meshes and rows:
            yield Problem("{}/ is said to be unknown, but holds something", (group,))
        ends = np.append(0, ranges[:, 1])
        if (ranges[:, 0] != ends[:-1]).any() or (np.diff(ends) < 0).any() or ends[-1] != rows:
            yield Problem("shapes/{} does not divide the {} rows of {}/ among the shapes", (name, rows, group))


def _row_problems(datasets: Datasets) -> Iterator[Problem]:
    for what, group, name, other in (
        ("query", "queries", "shape_index", "shapes"),
        ("anomaly", "anomalies", "query_index", "queries"),
    ):
        index, rows = fetch(datasets[group, name], slice(None)), len(datasets[other, "K"])
        for row in np.flatnonzero((index < 0) | (index >= rows)):
            yield Problem("{} {} is no row of {}/", (name, index[row], other), (f"{what} {row}",))
    count = len(type_names(datasets["queries", "anomaly_type"]))
    for what, group in (("query", "queries"), ("anomaly", "anomalies")):
        values: NDArray[Any] = fetch(datasets[group, "anomaly_type"], slice(None))
        for row in np.flatnonzero(values >= count):
            unknown = (values[row], count - 1)
            yield Problem("anomaly_type {} is not one of 0 to {}", unknown, (f"{what} {row}",))


def _name_problems(datasets: Datasets) -> Iterator[Problem]:
    for group, name in (("shapes", "id"), ("queries", "name")):
        texts = fetch(datasets[group, name], slice(None), text=True).tolist()
        yield from _unsafe(f"{group}/{name}", texts)


def _unsafe(where: str, names: Sequence[str]) -> Iterator[Problem]:
    return (Problem("{!r} cannot be a file's name", (name,), (where,)) for name in names if not is_file_name(name))

"""Does a dataset hold what it says? Reads every byte and returns the problems it finds, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.format import checks
from pipeline.format.mesh_checks import query_mesh_problems
from pipeline.format.reader import Shard, find_shards, open_shard
from pipeline.format.structure import structure_problems


def verify(folder: Path) -> list[str]:
    """Problems of every shard of a dataset and between them; an empty list means that none was found.

    Raises PipelineError where there are no shards at all.
    """
    problems: list[str] = []
    homes: dict[tuple[str, str], Path] = {}
    for path in find_shards(folder):
        try:
            with open_shard(path) as file:
                found = structure_problems(file, path.name)
            if not found:
                with Shard(path) as shard:
                    found = [*_content_problems(shard), *_second_homes(shard, homes)]
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


def _content_problems(shard: Shard) -> list[str]:
    problems = []
    label, anomaly_type = shard.column("queries", "label"), shard.column("queries", "anomaly_type")
    for row in np.flatnonzero(label != (anomaly_type > 0)):
        problems.append(f"query {row}: label {label[row]} contradicts anomaly_type {anomaly_type[row]}")
    for row in range(shard.shape_count):
        try:
            queries = tuple(shard.query(i) for i in shard.query_rows(row))
            mesh = None if shard.gaps.no_meshes else shard.stored_mesh(row)
            shape = replace(shard.reference(row), queries=queries, mesh=mesh)
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

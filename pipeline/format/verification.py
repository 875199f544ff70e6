"""Does a dataset hold what it says? Reads every byte and returns the problems that it finds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.format import checks
from pipeline.format.contents import Contents, contents_problems, told_contents
from pipeline.format.mesh_checks import mesh_problems, query_depth_problems, query_mesh_problems, reference_problems
from pipeline.format.problems import Problem
from pipeline.format.reader import Shard, find_shards, open_shard
from pipeline.format.schema import Gaps, ShapeRecord
from pipeline.format.structure import structure_problems
from pipeline.format.surface import Surface


def verify(folder: Path) -> list[Problem]:
    """Problems of every shard of a dataset and between them; an empty list means that none was found.

    The first place of each is the name of a shard, or ``dataset.json``. Raises PipelineError where there are no shards
    at all.
    """
    paths = find_shards(folder)
    problems: list[Problem] = []
    told: Mapping[str, Contents] | None = None
    try:
        told = told_contents(folder)
    except PipelineError as error:
        problems.append(Problem("{}", (error,), ("dataset.json",)))
    homes = _Homes()
    for path in paths:
        problems += [problem.within(path.name) for problem in _shard_problems(path, told, homes)]
    missing = sorted(set(told or ()) - {path.name for path in paths})
    return problems + [Problem("it is missing, and dataset.json tells of it", (), (name,)) for name in missing]


def _shard_problems(path: Path, told: Mapping[str, Contents] | None, homes: _Homes) -> Iterator[Problem]:
    """Of one shard: by itself, against those before it, and against what is told of all."""
    if told is not None and path.name not in told:
        yield Problem("dataset.json does not tell of it: move it away, or it is read as a part of the dataset")
        return
    try:
        found = _own_problems(path, homes)
        yield from found
        if not found and told is not None:
            yield from contents_problems(path, told[path.name])
    except PipelineError as error:
        yield _unread(error, path)


def _own_problems(path: Path, homes: _Homes) -> list[Problem]:
    with open_shard(path) as file:
        found = structure_problems(file, path.name)
    if found:
        return found
    with Shard(path) as shard:
        return [*_content_problems(shard), *homes.enter(shard)]


def _unread(error: PipelineError, path: Path) -> Problem:
    """A file that cannot be opened, or a row that cannot be read: both errors begin with the path."""
    text = str(error)
    of_row = text.startswith(f"{path}: ")
    return Problem("{}" if of_row else "it {}", (text.removeprefix(f"{path}{':' if of_row else ''} "),))


@dataclass
class _Homes:
    """Where shapes, images and models were met first: twice, they leak between splits or overwrite each other."""

    _first: dict[tuple[str, str], Path] = field(default_factory=dict)

    def enter(self, shard: Shard) -> Iterator[Problem]:
        """What of a shard was met before."""
        for column in (("shapes", "id"), ("queries", "name")):
            for value in shard.column(*column).tolist():
                if home := self._home("/".join(column), value, shard):
                    yield Problem(f"{'/'.join(column)} {{!r}} is in {{}} already", (value, home.name))
        if "import" in json.loads(shard.config_json):
            return  # what others have published may hold one model under several ids, in whatever splits
        for model in shard.column("shapes", "model_id").tolist():
            home = self._home("shapes/model_id", model, shard)
            if model and home and not home.name.startswith(f"{shard.split}-"):
                yield Problem("shapes/model_id {!r} is in another split, in {}", (model, home.name))

    def _home(self, kind: str, value: str, shard: Shard) -> Path | None:
        """The shard in which it was met before."""
        home = self._first.get((kind, value))
        self._first.setdefault((kind, value), shard.path)
        return home


def _content_problems(shard: Shard) -> Iterator[Problem]:
    """Rows by themselves; then every shape with all that shows it."""
    label, anomaly_type = shard.column("queries", "label"), shard.column("queries", "anomaly_type")
    for row in np.flatnonzero(label != (anomaly_type > 0)):
        yield Problem("label {} contradicts anomaly_type {}", (label[row], anomaly_type[row]), (f"query {row}",))
    gaps = shard.gaps
    for row in range(shard.shape_count):
        try:
            queries = tuple(shard.stored_query(i) for i in shard.query_rows(row))
            mesh = None if gaps.no_meshes else shard.stored_mesh(row)
            shape = replace(shard.stored_reference(row), queries=queries, mesh=mesh)
        except PipelineError as error:  # a checksum: the other shapes are still worth reading
            yield _unread(error, shard.path)
            continue
        if shape.mesh is not None and np.diff(shard.row("shapes", "part_range", row)) != len(shape.mesh.labels):
            yield Problem("parts/ has a part id twice", (), (f"shape {shape.id}",))
        yield from _shape_problems(shape, gaps)


def _shape_problems(shape: ShapeRecord, gaps: Gaps) -> Iterator[Problem]:
    """Of one shape, its views, its images and its mesh, and between them."""
    found = checks.shape_problems(shape, gaps)
    shown = []
    for query in shape.queries:
        own = checks.name_problems(query.name, shape.id, query.label) + checks.query_problems(query, gaps)
        shown += [problem.within(query.name) for problem in own]
    if shape.mesh is not None:
        shown += query_mesh_problems(shape.queries, shape.mesh)
        wrong = mesh_problems(shape.mesh)
        found += wrong
        if not wrong:
            surface = Surface(shape.mesh)
            found += reference_problems(shape, surface, gaps)
            shown += query_depth_problems(shape.queries, surface, gaps)
    yield from (problem.within(f"shape {shape.id}") for problem in found)
    yield from shown

"""What the shards of a dataset hold, as its ``dataset.json`` tells it: none can be lost, changed or added unseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.digests import file_digest
from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.format.problems import Problem
from pipeline.format.reader import Shard, dataset_folder
from pipeline.layout import Layout

#: Since this version, ``dataset.json`` tells what the shards hold.
TELLING = 3


@dataclass(frozen=True)
class Contents:
    """Of one shard. digest: of its bytes; shapes: how many; images: how many of each type that it has."""

    digest: str
    shapes: int
    images: Mapping[str, int]


def contents_of(path: Path) -> Contents:
    """Count a shard. Raises PipelineError as ``Shard`` does."""
    with Shard(path) as shard:
        names = shard.type_names
        types = Counter(names[value] for value in shard.column("queries", "anomaly_type").tolist())
        return Contents(file_digest(path), shard.shape_count, dict(sorted(types.items())))


def entries(shards: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """What ``dataset.json`` tells of these shards, by their names."""
    return {path.name: asdict(contents_of(path)) for path in shards}


def told_contents(folder: Path) -> Mapping[str, Contents] | None:
    """By the names of the shards; None where there is no ``dataset.json``, or an older one, which tells nothing.

    Raises PipelineError where it is damaged.
    """
    path = Layout(dataset_folder(folder)).dataset
    told: Any = read_json(path) if path.is_file() else {"version": 0}
    try:
        if told["version"] < TELLING:
            return None
        return {
            name: Contents(entry["digest"], entry["shapes"], dict(entry["images"]))
            for name, entry in told["shards"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path} is not whole: {error!r}") from error


def contents_problems(path: Path, told: Contents) -> list[Problem]:
    """How a shard differs from what is told of it. Raises PipelineError as ``Shard`` does."""
    found = contents_of(path)
    counts = [("shapes", found.shapes, told.shapes)]
    for name in sorted({*found.images, *told.images}):
        counts.append((f"images of type {name}", found.images.get(name, 0), told.images.get(name, 0)))
    other = "{}: it holds {}, dataset.json tells {}"
    problems = [Problem(other, (what, has, should)) for what, has, should in counts if has != should]
    if not problems and found.digest != told.digest:
        problems.append(Problem("it is not the file that dataset.json tells of, although its counts are the same"))
    return problems

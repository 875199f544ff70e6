"""Import of a folder in the published BrokenChairs-180K layout: shard by shard; all that is left out is named.

``brokenchairs_shape.py`` and ``brokenchairs_query.py`` read one shape and one image; this decides what goes where.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.digests import digest
from pipeline.engine.run import Step, execute
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.engine.workers import Effort
from pipeline.errors import PipelineError, UnitRejected
from pipeline.exchange.brokenchairs.files import GAPS, read_object
from pipeline.exchange.brokenchairs.queries import TYPE_NAMES, parse_name, read_query
from pipeline.exchange.brokenchairs.shapes import read_shape, shape_dims
from pipeline.files import claim, read_json, write_json
from pipeline.format.labels import SPLITS
from pipeline.format.schema import PATCH, Dims, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.layout import Layout
from pipeline.packing.config import ShardsConfig

log = logging.getLogger(__name__)

#: Whoever changes what an import makes of the same files raises this.
VERSION = 1
STAGE = "import"
CONFIG = ShardsConfig()


@dataclass(frozen=True)
class LeftOut:
    """Something of the source that is not in the dataset: why (a short slug), what, and how many images that costs."""

    reason: str
    message: str
    images: int


@dataclass(frozen=True)
class Imported:
    """What an import made: numbers of shards, shapes and images, and what it left out."""

    shards: int
    shapes: int
    images: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class PublishedFolder:
    """A folder in the layout. splits: its shapes; images: of each shape, under ``images/``, by name."""

    root: Path
    splits: Mapping[str, tuple[str, ...]]
    images: Mapping[str, tuple[Path, ...]]

    def shape_folder(self, shape_id: str) -> Path:
        return self.root / "shapes" / f"shape_{shape_id}"


def import_brokenchairs(folder: Path, out: Path, jobs: int, limit: int | None) -> Imported:
    """Write the data in ``folder`` as shards under ``out``; ``limit``: shapes of each split, for a try.

    A repeated call does what is missing. Files of the source count by their names: after a change within them
    import to another ``out``. Raises PipelineError if ``folder`` is not of this layout or nothing in it can be used,
    or if ``out`` holds anything but an import of the same shapes.
    """
    splits, problems = _read_splits(folder)
    source, left_out = _scan(folder, splits)
    if limit is not None:
        source = PublishedFolder(folder, {split: ids[:limit] for split, ids in source.splits.items()}, source.images)
    dims = _common_dims(source)
    layout = Layout(out)
    work = {"layout": "brokenchairs", "splits": digest(splits)}
    claim(out, layout.imported.name, work, f"an import of {folder.resolve()} in the brokenchairs layout")
    units = _units(source, dims)
    stage = Stage(STAGE, "shard", VERSION, ("h5py", "pillow"), lambda layout, _: units, finish=_remove_stale)
    summary = execute([stage], [STAGE], layout, layout.out, Effort(jobs, retry=True), _tell)
    for _, name, message in summary.lost:
        raise PipelineError(f"shard {name} failed: {message}")
    counts: Counter[str] = Counter()
    found = [*problems, *left_out]
    for unit in units:
        told = read_json(layout.left_out(unit.name))
        counts.update(told["counts"])
        found += [LeftOut(**item) for item in told["left_out"]]
    if not counts["shards"]:
        examples = "; ".join(item.message for item in found[:3])
        raise PipelineError(f"nothing in {folder} could be imported: {examples}")
    write_json(layout.left_out("all"), {"counts": counts, "left_out": [asdict(item) for item in found]})
    return Imported(counts["shards"], counts["shapes"], counts["images"], tuple(found))


def _read_splits(folder: Path) -> tuple[dict[str, tuple[str, ...]], list[LeftOut]]:
    """Shapes of each split, each in one, and what of ``split.json`` is left out."""
    path = folder / "split.json"
    content = read_object(path)
    lists = {name: ids for name, ids in content.items() if name in SPLITS}
    if not lists or not all(isinstance(ids, list) for ids in lists.values()):
        raise PipelineError(f"{path} has no lists of shapes called {', '.join(SPLITS)}; it holds {sorted(content)}")
    left_out = [
        LeftOut("unknown-split", f"{path}: {name} is not one of {', '.join(SPLITS)}", 0)
        for name in sorted(set(content) - set(SPLITS))
    ]
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    homes: dict[str, str] = {}
    for split in SPLITS:
        for shape_id in map(str, lists.get(split, [])):
            if shape_id in homes:
                left_out.append(
                    LeftOut("repeated-shape", f"{path}: {shape_id} of {split} is in {homes[shape_id]} already", 0)
                )
            else:
                homes[shape_id] = split
                splits[split].append(shape_id)
    return {split: tuple(ids) for split, ids in splits.items()}, left_out


def _scan(folder: Path, splits: Mapping[str, Sequence[str]]) -> tuple[PublishedFolder, list[LeftOut]]:
    """The images of every shape that has a split and a folder, and what has no place there."""
    images, left_out = _scan_images(folder)
    left_out += _strays(folder, images)
    present = {path.name.removeprefix("shape_") for path in (folder / "shapes").glob("shape_*") if path.is_dir()}
    wanted = set(chain.from_iterable(splits.values()))
    for reason, ids, text in (
        ("shape-without-folder", wanted - present, "is in split.json, but has no folder in shapes/"),
        ("shape-without-split", present - wanted, "is in no split"),
        ("image-without-shape", images.keys() - wanted - present, "has neither a folder in shapes/ nor a split"),
    ):
        left_out += [LeftOut(reason, f"shape {i} {text}", len(images.get(i, ()))) for i in sorted(ids)]
    kept = {split: tuple(i for i in ids if i in present) for split, ids in splits.items()}
    return PublishedFolder(folder, kept, images), left_out


def _scan_images(folder: Path) -> tuple[dict[str, tuple[Path, ...]], list[LeftOut]]:
    """Paths under ``images/`` by shape, each file name once."""
    images: dict[str, list[Path]] = defaultdict(list)
    left_out = []
    homes: dict[str, Path] = {}
    for path in sorted((folder / "images").rglob("*.*")):
        try:
            if path.suffix != ".png":
                raise UnitRejected("foreign-file", f"{path} is not a PNG")
            if path.name in homes:
                raise UnitRejected("repeated-name", f"{path}: the same name is in {homes[path.name].parent}")
            images[parse_name(path.stem).shape_id].append(path.relative_to(folder / "images"))
            homes[path.name] = path
        except UnitRejected as rejection:
            left_out.append(LeftOut(rejection.reason, f"{path.parent}: {rejection.message}", 1))
    return {i: tuple(sorted(paths, key=lambda path: path.name)) for i, paths in images.items()}, left_out


def _strays(folder: Path, images: Mapping[str, Sequence[Path]]) -> list[LeftOut]:
    """Annotations without an image."""
    known = {path.with_suffix("") for paths in images.values() for path in paths}
    strays = []
    for path in sorted((folder / "annotations").rglob("info_*.json")):
        place = path.relative_to(folder / "annotations")
        if place.with_name(f"render_{path.stem.removeprefix('info_')}") not in known:
            strays.append(LeftOut("annotation-without-image", f"{path} belongs to no image", 0))
    return strays


def _common_dims(source: PublishedFolder) -> Dims:
    """The sizes that most shapes have, by their first views; of equally many, those met first."""
    counts: Counter[Dims] = Counter()
    problem = "split.json names none that has a folder in shapes/"
    for shape_id in chain.from_iterable(source.splits.values()):
        try:
            counts[shape_dims(source.shape_folder(shape_id))] += 1
        except UnitRejected as rejection:
            problem = str(rejection)
    if not counts:
        raise PipelineError(f"{source.root} has no readable reference shape: {problem}")
    [(dims, _)] = counts.most_common(1)
    if dims.H % PATCH or dims.W % PATCH or dims.H != dims.W or dims.V < 2:
        raise PipelineError(
            f"{source.root}: most shapes have {dims.V} views of {dims.W}x{dims.H} pixels; expected two or more, square "
            f"with edges that are multiples of {PATCH}"
        )
    return dims


def _units(source: PublishedFolder, dims: Dims) -> list[Unit[Layout]]:
    units = []
    size = CONFIG.shapes_per_shard
    for split in SPLITS:
        ids = source.splits[split]
        for number, start in enumerate(range(0, len(ids), size)):
            name, chunk = f"{split}-{number:05d}", ids[start : start + size]
            images = {i: source.images.get(i, ()) for i in chunk}
            files = {f"shape {i}": digest(list(map(str, paths))) for i, paths in images.items()}
            content = digest(VERSION, name, asdict(dims), files)
            work = partial(_import_shard, PublishedFolder(source.root, {split: chunk}, images), dims, name, content)
            units.append(Unit(name, asdict(dims), files, work))
    return units


def _import_shard(source: PublishedFolder, dims: Dims, name: str, content: str, layout: Layout) -> Result:
    """One shard of one split; none where no shape of it can be used."""
    [(split, ids)] = source.splits.items()
    counts: Counter[str] = Counter()
    left_out: list[LeftOut] = []
    records = _records(source, ids, dims, counts, left_out)
    outputs = [layout.left_out(name)]
    first = next(records, None)
    if first is not None:
        config = json.dumps({"import": {"layout": "brokenchairs", "version": VERSION}})
        path = layout.shard(name)
        shapes = chain([first], records)
        write_shard(path, split, config, content, shapes, CONFIG.compression_level, GAPS, TYPE_NAMES)
        outputs.append(path)
        counts["shards"] += 1
    write_json(layout.left_out(name), {"counts": counts, "left_out": [asdict(item) for item in left_out]})
    return Result(tuple(outputs), dict(Counter(item.reason for item in left_out)))


def _records(
    source: PublishedFolder, ids: Sequence[str], dims: Dims, counts: Counter[str], left_out: list[LeftOut]
) -> Iterator[ShapeRecord]:
    """Every usable shape with its usable queries, counting them and noting the rest as it goes."""
    for shape_id in ids:
        paths = source.images[shape_id]
        try:
            shape, contradicted = read_shape(source.shape_folder(shape_id), shape_id, dims)
        except UnitRejected as rejection:
            left_out.append(LeftOut(rejection.reason, rejection.message, len(paths)))
            continue
        if contradicted:
            text = f"views of shape {shape_id} disagree on {contradicted} of {dims.P} surface points; seen nowhere now"
            left_out.append(LeftOut("points-disagree", text, 0))
        queries = tuple(_queries(source, paths, dims, shape.K[0], left_out))
        counts.update(shapes=1, images=len(queries))
        yield replace(shape, queries=queries)


def _queries(
    source: PublishedFolder, paths: Sequence[Path], dims: Dims, K: NDArray[np.float32], left_out: list[LeftOut]
) -> Iterator[QueryRecord]:
    for path in paths:
        try:
            yield read_query(source.root, path, dims, K)
        except UnitRejected as rejection:
            left_out.append(LeftOut(rejection.reason, rejection.message, 1))


def _tell(step: Step) -> None:
    log.info("shards done: %d of %d", step.finished, step.total)


def _remove_stale(layout: Layout, outcomes: Outcomes) -> None:
    """Shards of an import with another limit: their shapes may be in others now."""
    for path in layout.shards.glob("*.h5"):
        if path.stem not in outcomes.of(STAGE):
            path.unlink()

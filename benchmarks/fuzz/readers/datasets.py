"""Datasets: shards, and files of reference views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path

from benchmarks.fuzz.reader import Reader
from pipeline.exchange.layouts import EXPORTS
from pipeline.files import write_json
from pipeline.format.cameras import Camera
from pipeline.format.reader import find_reference, find_shards
from pipeline.format.schema import ShapeRecord
from pipeline.format.verification import verify
from pipeline.format.views_file import read_views, write_views
from pipeline.geometry.raycast import RayScene
from pipeline.report.notes import Notes, Perceived, stored_notes
from pipeline.report.page import write_report
from pipeline.report.samples import contact_sheet
from pipeline.report.statistics import statistics
from pipeline.report.text import info_text, table_text
from pipeline.training.aligning.references import scene_of
from pipeline.training.config import CompareConfig, TrainingConfig
from pipeline.training.data import ShardDataset
from pipeline.training.index import index_split
from tests.sample_shards import as_version_1, make_shape, write_dataset

NOTES = Notes(
    {"views": {"part-hidden": 2}},
    (("shapes", "9", "has no triangles"),),
    {"broken": Perceived(1, *3 * ((0.0, 0.1, 0.2, 0.3, 0.4),))},
)
CONFIG = TrainingConfig(model=CompareConfig(), reference_views=2, query_labels="exact")


def dataset_seeds(folder: Path) -> None:
    """A dataset of this version, with what its report keeps, and one of version 1."""
    for name in ("2", "1"):
        place = write_dataset(folder / name, _splits())
        write_json(place / "report" / "statistics.json", asdict(NOTES))
    for path in find_shards(folder / "1"):
        as_version_1(path)


@cache
def _splits() -> dict[str, list[ShapeRecord]]:
    shape = make_shape("7", [("normal", 20), ("positional", 20), ("several", 40)])
    return {"train": [shape], "test": [make_shape("8", [("normal", 0)])]}


def _verify(folder: Path, out: Path) -> None:
    verify(folder)


def _look(folder: Path, out: Path) -> None:
    shards = find_shards(folder)
    info_text(shards)
    table_text(statistics(shards))
    write_report(out, shards, stored_notes(folder / "report"), 2)
    contact_sheet(shards, out / "sheet.png")


def _export(folder: Path, out: Path) -> None:
    for name, export in EXPORTS.items():
        export(folder, out / name)


def _train(folder: Path, out: Path) -> None:
    index = index_split(folder, "train")
    for augmented in (False, True):
        samples = ShardDataset(index, CONFIG, augmented)
        for item in range(min(len(index), 2)):
            samples.sample((0, item, 0))


def _reference(folder: Path, out: Path) -> None:
    _trace(find_reference(folder, "7"))


def _views_seeds(folder: Path) -> None:
    for name in ("2", "1"):
        (folder / name).mkdir()
        write_views(folder / name / "views.h5", make_shape("7", []), "{}", 4)
    as_version_1(folder / "1" / "views.h5")


def _views(folder: Path, out: Path) -> None:
    _trace(read_views(folder / "views.h5"))


def _trace(shape: ShapeRecord) -> None:
    """What is done with a reference before it is compared."""
    camera = Camera.stored(shape.K[0], shape.world_to_camera[0], shape.image.shape[-1])
    for known_by in ("mesh", "views") if shape.mesh is not None else ("views",):
        scene: RayScene = scene_of(shape, known_by)
        scene.surface(camera)


def _reader(name: str, read: Callable[[Path, Path], None], share: float) -> Reader:
    return Reader(f"dataset: {name}", dataset_seeds, read, share)


READERS = (
    _reader("verify", _verify, 1.5),
    _reader("look", _look, 0.5),
    _reader("export", _export, 0.5),
    _reader("train", _train, 1.0),
    _reader("reference", _reference, 1.0),
    Reader("views.h5", _views_seeds, _views, 1.5),
)

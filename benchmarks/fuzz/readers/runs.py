"""A dataset folder being filled: what a run writes of itself, and reads again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.fuzz.reader import Reader
from materials.cache import map_files, read_summary
from materials.material import Finish
from pipeline.anomalies.storage import load_anomaly, save_anomaly
from pipeline.anomalies.targets.nodes import find_nodes
from pipeline.appearance.library import Library, Swatch, load_library, save_library
from pipeline.cli.status import status_entries, status_text
from pipeline.engine.quarantine import Quarantine, Try
from pipeline.engine.records import Record, Records
from pipeline.engine.unit import Basis
from pipeline.files import write_json
from pipeline.identity import Identity, claim_dataset
from pipeline.layout import Layout
from pipeline.planning.plan import Combination, PlannedAnomaly, ShapePlan
from pipeline.planning.storage import FirstPlan, load_first_plan, load_plan, save_first_plan, save_plan
from pipeline.rendering.blender import Drawn
from pipeline.rendering.storage import load_drawn, save_drawn
from pipeline.run import status
from pipeline.stages import shapes
from pipeline.stages.making import read_made
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import ViewSelector
from pipeline.views.storage import load_views, save_views
from tests.sample_shards import box_chair, leg_anomaly
from tests.stubbed_stages import stubbed_run, stubs, write_source

BASIS = Basis(1, {"numpy": "1"}, {"a.b": 1}, {"x": "y"})


def _run_seeds(folder: Path) -> None:
    """A small run, of which the costly work is stubbed; and a unit that is set aside."""
    place = folder / "1"
    write_source(place / "source", 3)
    with stubs():
        stubbed_run(place / "source", place / "out").execute()
    stored = json.loads((place / "out" / "config.json").read_text())
    stored["config"]["source"] = "partnet:SOURCE"
    (place / "out" / "config.json").write_text(json.dumps(stored))
    basis = Basis(**json.loads(next((place / "out/records/render").glob("*.json")).read_text())["basis"])
    Quarantine(place / "out").add("render", "1001", basis, [Try("died", "Blender\nwas killed", 1.0)] * 2)


def _run(folder: Path, out: Path) -> None:
    path = folder / "out" / "config.json"
    if path.is_file():
        path.write_bytes(path.read_bytes().replace(b"SOURCE", str(folder / "source").encode()))
    found = status(folder / "out")
    status_text(found, folder / "out")
    status_entries(found)


def _record_seeds(folder: Path) -> None:
    (folder / "1").mkdir()
    (folder / "1" / "made.txt").write_text("x")
    record = Record(BASIS, "done", "d" * 32, outputs={"made.txt": 1}, rejects={"blank": 2})
    Records(folder / "1").write("views", "a", record)
    Quarantine(folder / "1").add("views", "b", BASIS, [Try("died", "why", 1.0)])


def _record(folder: Path, out: Path) -> None:
    found = Records(folder).find("views", "a", BASIS)
    Counter(found.record.rejects if found.record else {}).update(blank=1)
    Quarantine(folder).find("views", "b", BASIS)
    for entry in Quarantine(folder).all():
        entry.record.message.splitlines()


def _identity_seeds(folder: Path) -> None:
    (folder / "1").mkdir()
    claim_dataset(Layout(folder / "1"), _IDENTITY, False)


_IDENTITY = Identity("partnet", 0, ("broken",), ("1", "2"))


def _identity(folder: Path, out: Path) -> None:
    claim_dataset(Layout(folder), _IDENTITY, False)


def _file_seeds(folder: Path) -> None:
    """One file of each kind, under the name by which ``_LOADERS`` knows it."""
    shape, config = box_chair("7"), ViewsConfig(resolution=32, reference_views=2, surface_points=10)
    for name in _LOADERS:
        (folder / name).mkdir()
    anomaly = PlannedAnomaly(0, "broken", (6,), "chair/leg", 2, ("8",))
    plan = {"7": ShapePlan((anomaly,), 1, (Combination(("0_broken", "1_missing"), 1),))}
    save_first_plan(folder / "first" / "first.json", FirstPlan({"7": "train"}, plan))
    save_plan(folder / "final" / "final.json", plan)
    save_anomaly(folder / "anomaly", leg_anomaly(shape, "broken"))
    reference = make_reference_views(shape, config, 0)
    selection = ViewSelector(shape, config, 0).select([((leg_anomaly(shape, "missing"),), 1)])
    save_views(folder / "views", "7", selection, reference)
    images = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    drawn = Drawn(images, images[..., 0].astype(np.uint16), images[..., 0], images[:1], np.zeros(1, dtype=np.int64))
    save_drawn(folder / "drawn" / "7.h5", drawn)
    swatch = Swatch("a", "wood", 0, "grain", 0.5, Finish(), 1.0, (50.0, 0.0, 0.0), "a-0")
    save_library(folder / "library" / "library.json", Library((swatch,)))
    write_json(folder / "summary" / "summary.json", {"colour": [50.0, 0.0, 0.0], "relief": 0.1})
    write_json(
        folder / "nodes" / "shapes" / "7.json", {"model_id": "m", "nodes": [asdict(n) for n in find_nodes(shape)]}
    )
    write_json(folder / "made" / "anomalies" / "7.json", {"cameras": {"normal": 3}, "targets": {"0_broken": [6]}})


_LOADERS: Mapping[str, Callable[[Path], object]] = {
    "first": lambda folder: load_first_plan(folder / "first.json"),
    "final": lambda folder: load_plan(folder / "final.json"),
    "anomaly": lambda folder: load_anomaly(folder, "0_broken"),
    "views": lambda folder: load_views(folder, "7"),
    "drawn": lambda folder: load_drawn(folder / "7.h5"),
    "library": lambda folder: load_library(folder / "library.json"),
    "summary": lambda folder: read_summary(map_files(folder)),
    "nodes": lambda folder: shapes.read_summary(Layout(folder), "7"),
    "made": lambda folder: read_made(Layout(folder), "anomalies", "7"),
}
#: By a file that tells which kind a case is.
_SIGNS = {
    "first.json": "first",
    "final.json": "final",
    "0_broken.json": "anomaly",
    "7.npz": "views",
    "7.h5": "drawn",
    "library.json": "library",
    "summary.json": "summary",
    "shapes/7.json": "nodes",
    "anomalies/7.json": "made",
}


def _file(folder: Path, out: Path) -> None:
    for sign, name in _SIGNS.items():
        if (folder / sign).exists():
            _LOADERS[name](folder)


READERS = (
    Reader("run folder: status", _run_seeds, _run, share=0.3),
    Reader("run folder: records", _record_seeds, _record, share=1.0),
    Reader("run folder: files", _file_seeds, _file, share=1.0),
    Reader("run folder: identity", _identity_seeds, _identity, share=0.5),
)

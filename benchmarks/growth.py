"""How time and memory grow with the length of the list that a step is given: ``python -m benchmarks.growth``.

Of every step that takes shapes, parts, fragments or materials: seconds of the CPU, the exponent log(t2 / t1) /
log(n2 / n1) between each two lengths, and the peak of Python's own memory. What grows faster than its input, by an
exponent above ``STEEP``, is marked. Inputs are made up; where shapes are counted, costly work is stubbed as in tests.
"""

from __future__ import annotations

import gc
import math
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import trimesh

from materials.scans import scan_folder
from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.config import AnomaliesConfig, SurfaceConfig
from pipeline.anomalies.proving.measure import SAMPLES
from pipeline.anomalies.proving.proof import measure
from pipeline.anomalies.proving.support import find_pieces, touching
from pipeline.anomalies.targets.candidates import find_candidates, order
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node, find_nodes
from pipeline.anomalies.task import Task
from pipeline.appearance.assignment import assign_materials, twins
from pipeline.appearance.config import MaterialLibraryConfig, MaterialsConfig
from pipeline.appearance.cores import core_of
from pipeline.appearance.library import Library, balanced, load_library, save_library
from pipeline.appearance.other import other_material
from pipeline.appearance.stock import take_stock
from pipeline.config import Config
from pipeline.format.reader import Shard, find_shards
from pipeline.format.verification import verify
from pipeline.geometry.raycast import RayScene
from pipeline.planning.planner import Planner
from pipeline.planning.splits import assign_splits
from pipeline.planning.topup import Made, as_planned, final_plan, plan_more
from pipeline.planning.transport import transport
from pipeline.report.statistics import statistics
from pipeline.report.text import aligned
from pipeline.run import status
from pipeline.seeding import rng
from pipeline.settings.loading import load
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.importing import told_apart
from pipeline.shapes.mending import mend
from pipeline.shapes.partnet import read_partnet
from pipeline.shapes.shape import Part, Shape, flatten, make_mesh
from pipeline.shapes.smoothing import smooth
from pipeline.shapes.storage import load_shape, save_shape
from pipeline.training.index import index_split
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import ViewSelector
from tests.appearance.libraries import swatch
from tests.partnet_files import inner, leaf, mesh_text, write_shape
from tests.planning.made_up import chairs, planner
from tests.sample_shards import make_shape, write_dataset
from tests.stubbed_stages import stubbed_run, stubs, write_source

LENGTHS = (100, 1_000, 10_000)
#: Exponents above this are marked: n log n stays below it.
STEEP = 1.2
#: What takes less is run so often, and the quickest counts.
SHORT_SECONDS, REPEATS = 0.2, 3
#: What takes longer is not run again for its memory.
MEMORY_SECONDS = 3.0
#: A length is left out where the one before took longer than this.
PATIENCE_SECONDS = 20.0

PAPER = load(Config, "brokenchairs180k")
VIEWS = ViewsConfig(resolution=64, reference_views=4, surface_points=40)
MERGE = ShapesConfig().merge_distance


@dataclass(frozen=True)
class Step:
    """``run`` is given what ``make`` makes of so many shapes, parts, fragments or materials (``of``); ``most`` of them
    are affordable."""

    of: str
    name: str
    make: Callable[[int], Any]
    run: Callable[[Any], object]
    most: int = 10_000


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _folder(name: str, count: int) -> Path:
    """A place for files, gone with the process."""
    return Path(_scratch().name) / f"{name} {count}"


# Shapes


def _split(models: dict[str, str]) -> object:
    return assign_splits(models, Config().split, 0)


@cache
def _planner(count: int) -> Planner:
    return planner(PAPER, chairs(count))


def _stand_in(of: Planner) -> object:
    """What comes where every other anomaly proves impossible."""
    first = of.first_plan()
    whole = as_planned(first)
    half = {i: Made(dict(list(made.cameras.items())[::2]), made.targets) for i, made in whole.items()}
    return plan_more(of, first, {i: Made({"normal": 12, **made.cameras}, made.targets) for i, made in half.items()})


def _settle(of: Planner) -> object:
    first = of.first_plan()
    return final_plan(of, [first], as_planned(first))


def _scores(count: int) -> tuple[Any, Any, Any]:
    """What every shape would like of seven numbers of images, and how often each is wanted."""
    random = np.random.default_rng(0)
    totals = np.bincount(random.choice(7, count, p=random.dirichlet(np.ones(7))), minlength=7)
    return random.gumbel(size=(count, 7)), np.ones(count), totals.astype(float)


@cache
def _source(count: int) -> Path:
    return write_source(_folder("source", count), count)


def _out(source: Path) -> Path:
    return source.with_name(f"made of {source.name}")


@cache
def _fill(source: Path) -> None:
    """Make a dataset of the source, once: later steps look at it."""
    with stubs(), stubbed_run(source, _out(source)) as run:
        run.execute()


def _finished(count: int) -> Path:
    _fill(_source(count))
    return _source(count)


def _survey(source: Path) -> None:
    with stubs(), stubbed_run(source, _out(source)) as run:
        run.survey()


@cache
def _dataset(count: int) -> Path:
    """One shard of shapes that are all alike but for their names."""
    record = make_shape("1", [("positional", 0), ("normal", 90)], resolution=32)
    shapes = (
        replace(record, id=str(i), queries=tuple(replace(q, name=f"render_{i}_{q.name[9:]}") for q in record.queries))
        for i in range(count)
    )
    return write_dataset(_folder("dataset", count), {"train": shapes})  # type: ignore[dict-item]  # any order will do


def _read_all(dataset: Path) -> None:
    for path in find_shards(dataset):
        with Shard(path) as shard:
            for row in range(shard.shape_count):
                shard.shape(row)


# Parts


@cache
def _shape(count: int) -> Shape:
    """Boxes all over the unit ball: every other one a leg, the rest of a kind of its own each."""
    random = np.random.default_rng(0)
    centres = random.uniform(-0.5, 0.5, (count, 3))
    parts = []
    for number, centre in enumerate(centres, 1):
        mesh = trimesh.creation.box([0.5 / count ** (1 / 3)] * 3)
        label = "chair/chair_base/leg" if number % 2 else f"chair/kind_{number}/part"
        parts.append(Part(number, label, number // 2, (0, number), make_mesh(mesh.vertices + centre, mesh.faces)))
    return Shape("many", "", "Chair", tuple(parts))


@cache
def _nodes(count: int) -> list[Node]:
    return find_nodes(_shape(count))


def _candidates(nodes: list[Node]) -> list[Node]:
    return find_candidates(nodes, True, AnomaliesConfig(min_part_area_share=0))


def _legs(count: int) -> Node:
    """All legs as one node."""
    return max(_nodes(count), key=lambda node: node.instances)


def _without_legs(count: int) -> tuple[Shape, Anomaly]:
    node = _legs(count)
    return _shape(count), Anomaly(0, "missing", node.part_ids, node.label, dict.fromkeys(node.part_ids), {}, {})


def _task(count: int) -> Task:
    return Task(_shape(count), _legs(count), Donors({}, load_shape), AnomaliesConfig(), 0)


def _partnet(count: int) -> Path:
    folder = _folder("partnet", count)
    if not folder.exists():
        meshes = {f"mesh-{part.part_id}": mesh_text(part.mesh) for part in _shape(count).parts}
        write_shape(folder, "1", inner(0, "chair", *(leaf(n, "leg", m) for n, m in enumerate(meshes, 1))), meshes)
    return folder / "1"


def _stored(count: int) -> Path:
    path = _folder("stored", count).with_suffix(".glb")
    save_shape(path, _shape(count))
    return path


def _look(given: tuple[Shape, Anomaly]) -> object:
    shape, anomaly = given
    return ViewSelector(shape, VIEWS, 0).look([((), 2), ((anomaly,), 2)])


# Fragments


def _soup(count: int, solid: trimesh.Trimesh, faces: slice) -> trimesh.Trimesh:
    """Solids all over the unit ball, of the given faces each, every other face turned."""
    random = np.random.default_rng(0)
    vertices = solid.vertices * 0.5 / count ** (1 / 3) + random.uniform(-0.5, 0.5, (count, 1, 3))
    own = np.asarray(solid.faces)[faces]
    own[::2] = own[::2, ::-1]
    every = own + len(solid.vertices) * np.arange(count)[:, None, None]
    return make_mesh(vertices.reshape(-1, 3), every.reshape(-1, 3))


def _boxes(count: int) -> trimesh.Trimesh:
    return _soup(count, trimesh.creation.box(), slice(None))


def _open_boxes(count: int) -> trimesh.Trimesh:
    return _soup(count, trimesh.creation.box(), slice(2, None))


def _sheets(count: int) -> trimesh.Trimesh:
    return _soup(count, trimesh.creation.box(), slice(2))


def _balls(count: int) -> Shape:
    """One part of many small balls, fine enough to be smoothed."""
    return Shape("balls", "", "", (Part(1, "a", 0, (0,), _soup(count, trimesh.creation.icosphere(1), slice(None))),))


# Materials


@cache
def _library(count: int) -> Library:
    classes = ("wood", "metal", "plastic", "fabric", "leather", "core")
    colours = np.random.default_rng(0).uniform((20, -30, -30), (90, 30, 30), (count, 3)).tolist()
    return Library(tuple(swatch(f"m{i}", classes[i % 6], (a, b, c)) for i, (a, b, c) in enumerate(colours)))  # type: ignore[arg-type]


@cache
def _sets(count: int) -> Path:
    """Folders with a set of maps each, whose names are alike to their last letters."""
    root = _folder("sets", count)
    for number in range(count):
        folder = root / f"{number} {'long' * 20}"
        folder.mkdir(parents=True)
        for kind in ("basecolor", "roughness"):
            (folder / f"oak_{kind}.png").write_bytes(b"not opened")
    return root


def _take_stock(folder: Path) -> object:
    return take_stock(MaterialsConfig(libraries=(MaterialLibraryConfig(folder=str(folder)),)))


def _saved_library(count: int) -> Path:
    path = _folder("library", count)
    save_library(path, _library(count))
    return path


def _wear(library: Library) -> None:
    for texture in range(20):
        assign_materials(_shape(10), texture, library, 0)


def _other(shape: Shape) -> str:
    """Another material for one part where each of the others wears one of its own."""
    library = _library(len(shape.parts) * 2)
    worn = {part.part_id: library.worn_names[part.part_id] for part in shape.parts}
    return other_material(shape, [1], worn, library, 0.5, SurfaceConfig())


STEPS = (
    Step("shapes", "split", lambda n: {str(i): f"model {i}" for i in range(n)}, _split),
    Step("shapes", "make a planner", chairs, lambda nodes: planner(PAPER, nodes)),
    Step("shapes", "plan", _planner, Planner.first_plan),
    Step("shapes", "plan stand-ins", _planner, _stand_in),
    Step("shapes", "settle", _planner, _settle),
    Step("shapes", "deal images", _scores, lambda given: transport(*given)),
    Step("shapes", "all stages, stubbed", _source, _fill),
    Step("shapes", "survey", _finished, _survey),
    Step("shapes", "status", _finished, lambda source: status(_out(source))),
    Step("shapes", "write a shard", lambda n: n, _dataset, most=1_000),
    Step("shapes", "read it", _dataset, _read_all, most=1_000),
    Step("shapes", "index it", _dataset, lambda dataset: index_split(dataset, "train"), most=1_000),
    Step("shapes", "report's statistics", _dataset, lambda dataset: statistics(find_shards(dataset)), most=1_000),
    Step("shapes", "verify", _dataset, verify, most=1_000),
    Step("parts", "read and mend", _partnet, lambda folder: read_partnet(folder, ShapesConfig())),
    Step("parts", "save", _shape, lambda shape: save_shape(_folder("saved", len(shape.parts)), shape)),
    Step("parts", "load", _stored, load_shape),
    Step("parts", "nodes", _shape, find_nodes),
    Step("parts", "candidates", _nodes, _candidates),
    Step("parts", "order of targets", _nodes, lambda nodes: order(_candidates(nodes), nodes[0], rng(0))),
    Step("parts", "proof", _task, lambda task: measure(task, dict.fromkeys(task.target.part_ids), rng(0))),
    Step("parts", "set up rays", _shape, lambda shape: RayScene(flatten((p.part_id, p.mesh) for p in shape.parts))),
    Step("parts", "reference views", _shape, lambda shape: make_reference_views(shape, VIEWS, 0)),
    Step("parts", "views", _without_legs, _look),
    Step("parts", "materials", _shape, lambda shape: assign_materials(shape, 0, _library(600), 0)),
    Step("parts", "who wears the same", lambda n: (_shape(n), _legs(n).part_ids), lambda given: twins(*given)),
    Step("parts", "another material", _shape, _other),
    Step("parts", "names of a file", lambda n: [("scene", "leg")] * n, told_apart),
    Step("fragments", "mend closed ones", _boxes, lambda mesh: mend(mesh, MERGE)),
    Step("fragments", "mend open ones", _open_boxes, lambda mesh: mend(mesh, MERGE)),
    Step("fragments", "mend sheets", _sheets, lambda mesh: mend(mesh, MERGE)),
    Step("fragments", "smooth", _balls, lambda shape: smooth(shape, 1)),
    Step("fragments", "support", _boxes, lambda mesh: touching(find_pieces(mesh, SAMPLES, rng(0)))),
    Step("materials", "list a library", _sets, lambda folder: scan_folder(folder, "own_")),
    Step("materials", "take stock", _sets, _take_stock),
    Step("materials", "balance", _library, lambda library: balanced(library.swatches, MaterialsConfig())),
    Step("materials", "load", _saved_library, load_library),
    Step("materials", "assign", _library, _wear),
    Step("materials", "cores", _library, lambda library: [core_of(name, library) for name in library.worn_names[:20]]),
)


def _seconds(step: Step, given: Any) -> float:
    best = math.inf
    for _ in range(REPEATS):
        start = time.process_time()
        step.run(given)
        best = min(best, time.process_time() - start)
        if best > SHORT_SECONDS:
            break
    return best


def _peak_mb(step: Step, given: Any) -> float:
    tracemalloc.start()
    step.run(given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def _row(step: Step, lengths: list[int]) -> list[str]:
    seconds: list[float] = []
    for length in lengths:
        if length > step.most or (seconds and seconds[-1] > PATIENCE_SECONDS):
            break
        given = step.make(length)
        gc.collect()
        gc.freeze()  # what steps are given is not looked through for garbage while they run
        seconds.append(_seconds(step, given))
    done = lengths[: len(seconds)]
    exponents = [math.log(seconds[i + 1] / seconds[i]) / math.log(done[i + 1] / done[i]) for i in range(len(done) - 1)]
    peak = f"{_peak_mb(step, given):.1f}" if seconds[-1] < MEMORY_SECONDS else ""
    blank = [""] * (len(lengths) - len(done))
    steep = "steep" if exponents and exponents[-1] > STEEP else ""
    cells = [*(f"{s:.4f}" for s in seconds), *blank, *(f"{e:.2f}" for e in exponents), *blank]
    return [step.of, step.name, *cells, peak, steep]


@click.command()
@click.option("--lengths", "-n", multiple=True, type=click.IntRange(2), default=LENGTHS, show_default=True)
@click.option("--only", default="", help="part of a step's name, or what its list is of")
def main(lengths: tuple[int, ...], only: str) -> None:
    """Print a table of the steps."""
    ascending = sorted(lengths)
    head = ["of", "step", *(f"s at {n:,}" for n in ascending), *(f"to {n:,}" for n in ascending[1:]), "peak MB", ""]
    rows = [head]
    for step in STEPS:
        if only in step.name or only == step.of:
            rows.append(_row(step, ascending))
            click.echo(f"{step.of} {step.name}", err=True)
    click.echo(aligned(rows))


if __name__ == "__main__":
    main()

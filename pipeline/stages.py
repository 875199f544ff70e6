"""The ordered stages: what each does with one shape. Each reads what earlier ones wrote, and only that."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import lru_cache
from pathlib import Path

from materials.cache import folder_name, map_files
from materials.material import Material
from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.kind import find_kind
from pipeline.anomalies.storage import load_anomaly, save_anomaly
from pipeline.anomalies.targets.candidates import find_candidates, order
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import Node, find_nodes
from pipeline.appearance.assignment import assign_materials
from pipeline.appearance.cores import core_of
from pipeline.appearance.library import Library, load_library, make_swatch, save_library
from pipeline.appearance.other import other_material
from pipeline.appearance.stock import map_size
from pipeline.appearance.surroundings import Scenery, find_floors
from pipeline.config import Config
from pipeline.errors import UnitRejected
from pipeline.execution import Result
from pipeline.files import explaining_full_disk, read_json, write_json
from pipeline.format.schema import TEXT_BYTES, ShapeRecord, fits
from pipeline.format.writer import write_shard
from pipeline.layout import Layout
from pipeline.packing.records import shape_record
from pipeline.planning.plan import PlannedAnomaly, ShapePlan
from pipeline.planning.topup import Made
from pipeline.quality.verdict import judge_query, judge_reference
from pipeline.rendering.blender import draw
from pipeline.rendering.devices import CPU, Device, claimed
from pipeline.rendering.job import OTHER_MATERIAL, Job, Surface, write_job
from pipeline.rendering.storage import load_drawn, save_drawn
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape
from pipeline.shapes.sources import Source
from pipeline.shapes.storage import load_shape, save_shape
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View, ViewSelector, Wanted
from pipeline.views.storage import load_views, save_views

STAGES = ("shapes", "anomalies", "topup", "views", "library", "materials", "render", "quality", "shards", "report")


@dataclass(frozen=True)
class Context:
    """What every unit needs; ``threads`` of the CPU, and one of ``devices``, are what Blender may use."""

    config: Config
    layout: Layout
    threads: int
    devices: tuple[Device, ...] = (CPU,)


def read_shape(context: Context, source: Source, shape_id: str) -> Result:
    """shapes: read, mend, normalise; measure the nodes that a person would call a part."""
    layout = context.layout
    shape = source.read(shape_id)
    _check_texts(shape)
    save_shape(layout.shape(shape_id), shape)
    # From what was stored: GLB rounds to float32, and later stages see only that.
    stored = load_shape(layout.shape(shape_id))
    summary = {"model_id": stored.model_id, "nodes": [asdict(node) for node in find_nodes(stored)]}
    write_json(layout.shape_summary(shape_id), summary)
    return Result((layout.shape(shape_id), layout.shape_summary(shape_id)))


def _check_texts(shape: Shape) -> None:
    """Refuse now what a shard could not hold in the end."""
    for text in (shape.model_id, shape.category, *(part.label for part in shape.parts)):
        if not fits(text):
            raise UnitRejected(
                "long-name",
                f"shape {shape.shape_id}: {text!r} must have at most {TEXT_BYTES} UTF-8 bytes and no NUL: shorten it",
            )


def read_nodes(layout: Layout, shape_id: str) -> list[Node]:
    """A shape's nodes, as the shapes stage measured them."""
    return [Node.from_entry(entry) for entry in read_json(layout.shape_summary(shape_id))["nodes"]]


def make_anomalies(context: Context, stage: str, plan: ShapePlan, shape_id: str) -> Result:
    """anomalies, topup: those that ``plan`` asks for, and how many cameras show each."""
    config, layout = context.config, context.layout
    shape = load_shape(layout.shape(shape_id))
    folder = layout.anomalies(stage, shape_id)
    shutil.rmtree(folder, ignore_errors=True)  # another plan's anomalies, or half of this one's
    folder.mkdir(parents=True)
    made: list[Anomaly] = []
    rejects: Counter[str] = Counter()
    load = lru_cache(lambda i: load_shape(layout.shape(i)))  # draws go back to the same few donors
    for planned in plan.anomalies:
        targets = _targets(context, shape_id, planned)
        donors = Donors({i: read_nodes(layout, i) for i in planned.donors}, load)
        try:
            anomaly = make_anomaly(shape, planned.index, planned.type, targets, donors, config.anomalies, config.seed)
        except UnitRejected as rejection:
            rejects[f"{planned.type}: {rejection.reason}"] += 1
        else:
            save_anomaly(folder, anomaly)
            made.append(anomaly)
    # As many as the plan could ask for in the end, when other shapes fall short.
    limits: list[Wanted] = [((), config.plan.normal.views[1])]
    limits += [((anomaly,), config.plan.types[anomaly.type].views[1]) for anomaly in made]
    seen = ViewSelector(shape, config.views, config.seed).look(limits)
    rejects.update(f"{anomaly.type}: no view shows it" for anomaly in made if not seen[anomaly.name])
    outcome = Made(seen, {anomaly.name: anomaly.target for anomaly in made})
    write_json(layout.made(stage, shape_id), asdict(outcome))
    return Result((*sorted(folder.iterdir()), layout.made(stage, shape_id)), dict(rejects))


def _targets(context: Context, shape_id: str, planned: PlannedAnomaly) -> list[Node]:
    """The planned part, then the shape's others, in the order in which they are tried."""
    config = context.config
    candidates = find_candidates(
        read_nodes(context.layout, shape_id), find_kind(planned.type).takes_groups, config.anomalies
    )
    first = next(node for node in candidates if node.part_ids == planned.target)
    return order(candidates, first, rng(config.seed, "anomalies", shape_id, planned.index, planned.type, "targets"))


def read_made(layout: Layout, stage: str, shape_id: str) -> Made:
    """What came of a shape's plan in the stage ``anomalies`` or ``topup``."""
    entry = read_json(layout.made(stage, shape_id))
    return Made(entry["views"], {name: tuple(ids) for name, ids in entry["targets"].items()})


def _load_anomalies(context: Context, shape_id: str, names: Iterable[str]) -> dict[str, Anomaly]:
    """By name, in the order of their indices."""
    anomalies = []
    for name in names:
        folders = (context.layout.anomalies(stage, shape_id) for stage in ("anomalies", "topup"))
        folder = next(f for f in folders if (f / f"{name}.json").is_file())
        anomalies.append(load_anomaly(folder, name))
    return {a.name: a for a in sorted(anomalies, key=lambda a: a.index)}


def choose_views(context: Context, plan: ShapePlan, shape_id: str) -> Result:
    """views: cameras and lights of every image, with depth, ids and masks; the reference views' geometry."""
    config, layout = context.config, context.layout
    shape = load_shape(layout.shape(shape_id))
    anomalies = _load_anomalies(context, shape_id, (a.name for a in plan.anomalies))
    wanted: list[Wanted] = [((), plan.normal_views)]
    wanted += [((anomalies[planned.name],), planned.views) for planned in plan.anomalies]
    wanted += [([anomalies[name] for name in several.names], several.views) for several in plan.several]
    selection = ViewSelector(shape, config.views, config.seed).select(wanted)
    if not selection.views:
        reasons = sum(selection.refused.values(), Counter())
        raise UnitRejected("no-view", f"shape {shape_id}: every camera was refused: {dict(reasons)}")
    save_views(layout.views, shape_id, selection, make_reference_views(shape, config.views, config.seed))
    rejects: Counter[str] = Counter()
    for refused in selection.refused.values():
        rejects.update({f"camera: {reason}": count for reason, count in refused.items()})
    return Result((layout.views / f"{shape_id}.npz", layout.views / f"{shape_id}.json"), dict(rejects))


def _shown(views: Sequence[View]) -> list[str]:
    """Names of the anomalies that the views show."""
    return sorted({mark.anomaly for view in views for mark in view.marks})


def make_material(context: Context, material: Material, library: int, name: str) -> Result:
    """library: the maps of one material, and what the choice of materials needs to know of it."""
    config, layout = context.config, context.layout
    size = map_size(material, config.materials, config.views)
    # A unit that is worked on is not finished: what is there may be half a file, or of other versions.
    shutil.rmtree(layout.map_cache / folder_name(material, size), ignore_errors=True)
    swatch = make_swatch(material, library, size, layout.map_cache)
    save_library(layout.swatch(name), Library((swatch,)))
    files = map_files(layout.map_cache / swatch.folder)
    return Result((layout.swatch(name), *astuple(files), files.summary))


@lru_cache(maxsize=1)
def _library(path: Path, modified_ns: int) -> Library:
    """Read once a process; ``modified_ns`` tells a new file from an old one."""
    return load_library(path)


def read_library(layout: Layout) -> Library:
    """The run's library, as the library stage left it."""
    return _library(layout.library, layout.library.stat().st_mtime_ns)


def assign_textures(context: Context, shape_id: str) -> Result:
    """materials: part -> material for every texture id that the shape's views use, and what anomalies give instead."""
    layout = context.layout
    shape = load_shape(layout.shape(shape_id))
    library = read_library(layout)
    views, _ = load_views(layout.views, shape_id)
    anomalies = _load_anomalies(context, shape_id, _shown(views))
    textures: dict[str, dict[int, str]] = {}
    overrides: dict[str, dict[str, dict[int, str]]] = {}
    rejects: Counter[str] = Counter()
    for view in views:
        worn = assign_materials(shape, view.texture, library, context.config.seed).materials
        textures[str(view.texture)] = dict(worn)
        for anomaly in (anomalies[mark.anomaly] for mark in view.marks):
            choice = _choice_of_other(context, shape_id, view.texture, anomaly)
            if choice is None:
                continue
            settings = context.config.anomalies.appearance
            try:
                name = other_material(shape, anomaly.target, worn, library, choice, settings)
            except UnitRejected as rejection:
                # A swapped part then wears what it replaced; of another material the quality stage sees no change.
                rejects[rejection.reason] += 1
            else:
                given = dict.fromkeys(anomaly.target, name)
                overrides.setdefault(str(view.texture), {})[anomaly.name] = given
    worn_names = {name for parts in textures.values() for name in parts.values()}
    cores = {name: core for name in sorted(worn_names) if (core := core_of(name, library))}
    write_json(layout.materials(shape_id), {"textures": textures, "overrides": overrides, "cores": cores})
    return Result((layout.materials(shape_id),), dict(rejects))


def _choice_of_other(context: Context, shape_id: str, texture: int, anomaly: Anomaly) -> float | None:
    """What picks the other material that an anomaly gives its part, in [0, 1); None where it gives none."""
    if anomaly.appearance and anomaly.appearance.effect == OTHER_MATERIAL:
        return anomaly.appearance.choice
    if anomaly.type == "swapped":
        draw = rng(context.config.seed, "appearance", shape_id, texture, "swapped", anomaly.name)
        if draw.random() < context.config.materials.swapped_share:
            return float(draw.random())
    return None


def render(scenery: Scenery, context: Context, shape_id: str) -> Result:
    """render: hand one job file to Blender and keep its images."""
    config, layout = context.config, context.layout
    chosen = read_json(layout.materials(shape_id))
    textures = {int(texture): _by_part(parts) for texture, parts in chosen["textures"].items()}
    overrides = {
        (int(texture), anomaly): _by_part(parts)
        for texture, by_anomaly in chosen["overrides"].items()
        for anomaly, parts in by_anomaly.items()
    }
    views, reference = load_views(layout.views, shape_id)
    floors = find_floors(config.render.surroundings.floor, read_library(layout).worn_names)
    around = {view.name: scenery.choose(floors, config.seed, shape_id, view.name) for view in views}
    names = {name for parts in (*textures.values(), *overrides.values()) for name in parts.values()}
    names |= {choice.floor for choice in around.values() if choice.floor}
    job = Job(
        shape=load_shape(layout.shape(shape_id)),
        anomalies=list(_load_anomalies(context, shape_id, _shown(views)).values()),
        views=views,
        reference=reference,
        textures=textures,
        surfaces=_surfaces(context, names, chosen["cores"]),
        overrides=overrides,
        counterfactuals={view.name for view in views if _is_compared(context, shape_id, view)},
        surroundings=around,
    )
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder, claimed(context.devices, layout.devices) as device:
        with explaining_full_disk(Path(folder)):
            path = write_job(Path(folder), job, config.views, config.render, context.threads, device)
        drawn = draw(path, config.render.timeout_seconds, layout.render_log(shape_id))
    save_drawn(layout.render(shape_id), drawn)
    return Result((layout.render(shape_id),))


def _is_compared(context: Context, shape_id: str, view: View) -> bool:
    """Whether the view is drawn on the intact shape too."""
    draw = rng(context.config.seed, "counterfactual", shape_id, view.name).random()
    surface = any(mark.surface_only for mark in view.marks)
    return surface or (bool(view.marks) and draw < context.config.render.counterfactual_share)


def _by_part(entries: dict[str, str]) -> dict[int, str]:
    return {int(part_id): name for part_id, name in entries.items()}


def _surfaces(context: Context, names: set[str], cores: Mapping[str, str]) -> dict[str, Surface]:
    library, layout = read_library(context.layout), context.layout
    radius = context.config.materials.metres_per_radius
    swatches = [library[name] for name in sorted(names | {cores[name] for name in names if name in cores})]
    return {
        s.name: Surface(map_files(layout.map_cache / s.folder), s.tile / radius, s.finish, cores.get(s.name))
        for s in swatches
    }


def judge(context: Context, shape_id: str) -> Result:
    """quality: a verdict on every image. A blank reference view rejects the shape."""
    config, layout = context.config, context.layout
    views, reference = load_views(layout.views, shape_id)
    drawn = load_drawn(layout.render(shape_id))
    for number, image in enumerate(drawn.reference):
        for reason in judge_reference(image, reference.part_ids[number], config.quality):
            raise UnitRejected(reason, f"shape {shape_id}: reference view {number} is blank")
    intact = dict(zip(drawn.counterfactual_of.tolist(), drawn.counterfactual, strict=True))
    verdicts = {
        view.name: judge_query(drawn.query[i], intact.get(i), drawn.index[i], view, config.quality)
        for i, view in enumerate(views)
    }
    write_json(layout.quality(shape_id), {name: asdict(verdict) for name, verdict in verdicts.items()})
    rejects = Counter(reason for verdict in verdicts.values() for reason in verdict.reasons)
    return Result((layout.quality(shape_id),), dict(rejects))


def load_record(context: Context, shape_id: str) -> ShapeRecord:
    """One shape as a shard stores it, with its accepted images only."""
    layout = context.layout
    verdicts = read_json(layout.quality(shape_id))
    accepted = {name for name, verdict in verdicts.items() if not verdict["reasons"]}
    views, reference = load_views(layout.views, shape_id)
    return shape_record(
        load_shape(layout.shape(shape_id)),
        list(_load_anomalies(context, shape_id, _shown(views)).values()),
        views,
        reference,
        load_drawn(layout.render(shape_id)),
        accepted,
    )


def pack(context: Context, split: str, shape_ids: Sequence[str], name: str, fingerprint: str) -> Result:
    """shards: one file of one split."""
    path = context.layout.shard(name)
    records = (load_record(context, shape_id) for shape_id in shape_ids)
    level = context.config.shards.compression_level
    write_shard(path, split, context.config.model_dump_json(), fingerprint, records, level)
    return Result((path,))

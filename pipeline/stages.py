"""The ordered stages: what each does with one shape. Each reads what earlier ones wrote, and only that."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from materials.cache import ensure_maps
from materials.catalogue import load_catalogue
from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.donors import Donors, donor_entries
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.plan import plan_shape
from pipeline.anomalies.storage import load_anomaly, save_anomaly
from pipeline.appearance.assignment import assign_materials
from pipeline.config import Config
from pipeline.errors import UnitRejected
from pipeline.execution import Result
from pipeline.files import read_json, write_json
from pipeline.layout import Layout
from pipeline.packing import shape_record
from pipeline.quality.verdict import judge_query, judge_reference
from pipeline.rendering.blender import draw
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.rendering.storage import load_drawn, save_drawn
from pipeline.shapes.sources import Source
from pipeline.shapes.storage import load_shape, save_shape
from pipeline.shards.schema import SPLITS, ShapeRecord
from pipeline.shards.writer import write_shard
from pipeline.views.reference import make_reference_views
from pipeline.views.select import NORMAL, ViewSelector
from pipeline.views.storage import load_views, save_views

STAGES = ("shapes", "anomalies", "views", "materials", "render", "quality", "shards", "report")


@dataclass(frozen=True)
class Context:
    """What every unit needs; ``threads`` is how many Blender may use."""

    config: Config
    layout: Layout
    threads: int


def read_shape(context: Context, source: Source, shape_id: str) -> Result:
    """shapes: read, mend, normalise; note which of its parts other shapes may be given."""
    layout = context.layout
    shape = source.read(shape_id)
    save_shape(layout.shape(shape_id), shape)
    # From what was stored: GLB rounds to float32, and later stages see only that.
    stored = load_shape(layout.shape(shape_id))
    summary = {"model_id": stored.model_id, "donors": donor_entries(stored)}
    write_json(layout.shape_summary(shape_id), summary)
    return Result((layout.shape(shape_id), layout.shape_summary(shape_id)))


@dataclass(frozen=True)
class DonorPool:
    """The shapes that may give parts to each other: those of one split, and what their files depend on."""

    layout: Layout
    shape_ids: tuple[str, ...]
    fingerprint: str


@lru_cache(maxsize=len(SPLITS))
def _donors(pool: DonorPool) -> Donors:
    """A split's catalogue, read once a process: thousands of units share it."""
    entries = [entry for i in pool.shape_ids for entry in read_json(pool.layout.shape_summary(i))["donors"]]
    return Donors.from_entries(entries, lambda i: load_shape(pool.layout.shape(i)))


def make_anomalies(context: Context, pool: DonorPool, shape_id: str) -> Result:
    """anomalies: those that the plan asks for."""
    config, layout = context.config, context.layout
    shape = load_shape(layout.shape(shape_id))
    donors = _donors(pool)
    folder = layout.anomalies(shape_id)
    shutil.rmtree(folder, ignore_errors=True)  # another plan's anomalies, or half of this one's
    folder.mkdir(parents=True)
    rejects: Counter[str] = Counter()
    for planned in plan_shape(config, shape_id).anomalies:
        try:
            anomaly = make_anomaly(shape, planned.index, planned.type, donors, config.anomalies, config.seed)
        except UnitRejected as rejection:
            rejects[f"{planned.type}: {rejection.reason}"] += 1
        else:
            save_anomaly(folder, anomaly)
    return Result(tuple(sorted(folder.iterdir())), dict(rejects))


def _load_anomalies(context: Context, shape_id: str) -> list[Anomaly]:
    folder = context.layout.anomalies(shape_id)
    anomalies = [load_anomaly(folder, path.stem) for path in folder.glob("*.json")]
    return sorted(anomalies, key=lambda anomaly: anomaly.index)


def choose_views(context: Context, shape_id: str) -> Result:
    """views: cameras and lights of every image, with depth, ids and masks; the reference views' geometry."""
    config, layout = context.config, context.layout
    shape = load_shape(layout.shape(shape_id))
    anomalies = _load_anomalies(context, shape_id)
    plan = plan_shape(config, shape_id)
    planned = {p.index: p.views for p in plan.anomalies}
    wanted = {NORMAL: plan.normal_views, **{a.name: planned[a.index] for a in anomalies}}
    selection = ViewSelector(shape, config.views, config.seed).select(anomalies, wanted)
    if not selection.views:
        reasons = sum(selection.refused.values(), Counter())
        raise UnitRejected("no-view", f"shape {shape_id}: every camera was refused: {dict(reasons)}")
    save_views(layout.views, shape_id, selection, make_reference_views(shape, config.views, config.seed))
    rejects: Counter[str] = Counter()
    shown = {view.anomaly for view in selection.views}
    for name, refused in selection.refused.items():
        rejects.update({f"camera: {reason}": count for reason, count in refused.items()})
        if name not in shown:
            rejects[f"no view left: {name.rpartition('_')[2]}"] += 1
    return Result((layout.views / f"{shape_id}.npz", layout.views / f"{shape_id}.json"), dict(rejects))


def assign_textures(context: Context, shape_id: str) -> Result:
    """materials: part -> material for every texture id that the shape's views use."""
    layout = context.layout
    shape = load_shape(layout.shape(shape_id))
    catalogue = load_catalogue()
    views, _ = load_views(layout.views, shape_id)
    textures = {
        str(texture): {
            str(part_id): name
            for part_id, name in assign_materials(shape, texture, catalogue, context.config.seed).materials.items()
        }
        for texture in sorted({view.texture for view in views})
    }
    write_json(layout.materials(shape_id), textures)
    return Result((layout.materials(shape_id),))


def render(context: Context, shape_id: str) -> Result:
    """render: hand one job file to Blender and keep its images."""
    config, layout = context.config, context.layout
    textures = {
        int(texture): {int(part_id): name for part_id, name in parts.items()}
        for texture, parts in read_json(layout.materials(shape_id)).items()
    }
    views, reference = load_views(layout.views, shape_id)
    job = Job(
        shape=load_shape(layout.shape(shape_id)),
        anomalies=_load_anomalies(context, shape_id),
        views=views,
        reference=reference,
        textures=textures,
        surfaces=_surfaces(context, {name for parts in textures.values() for name in parts.values()}),
    )
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        path = write_job(Path(folder), job, config.views, config.render, context.threads)
        drawn = draw(path, config.render.timeout_seconds)
    save_drawn(layout.render(shape_id), drawn)
    return Result((layout.render(shape_id),))


def _surfaces(context: Context, names: set[str]) -> dict[str, Surface]:
    catalogue = load_catalogue()
    size, cache = context.config.materials.map_size, context.layout.map_cache
    chosen = [catalogue[name] for name in sorted(names)]
    return {m.name: Surface(ensure_maps(m, size, cache), m.tile_size) for m in chosen}


def judge(context: Context, shape_id: str) -> Result:
    """quality: a verdict on every image. A blank reference view rejects the shape."""
    config, layout = context.config, context.layout
    views, reference = load_views(layout.views, shape_id)
    drawn = load_drawn(layout.render(shape_id))
    for number, image in enumerate(drawn.reference):
        for reason in judge_reference(image, reference.part_ids[number], config.quality):
            raise UnitRejected(reason, f"shape {shape_id}: reference view {number} is blank")
    verdicts = {
        view.name: judge_query(drawn.query[i], drawn.index[i], view.image, view.masks, config.quality)
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
        _load_anomalies(context, shape_id),
        views,
        reference,
        load_drawn(layout.render(shape_id)),
        accepted,
        context.config.views.radius,
    )


def pack(context: Context, split: str, shape_ids: Sequence[str], name: str, fingerprint: str) -> Result:
    """shards: one file of one split."""
    path = context.layout.shard(name)
    records = (load_record(context, shape_id) for shape_id in shape_ids)
    level = context.config.shards.compression_level
    write_shard(path, split, context.config.model_dump_json(), fingerprint, records, level)
    return Result((path,))

"""render: one job file a shape for Blender, whose images are kept."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from materials.cache import map_files
from pipeline.appearance.stock import take_stock
from pipeline.appearance.surroundings import Scenery, find_floors, take_scenery
from pipeline.config import Config
from pipeline.digests import digest
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.files import explaining_storage, read_json
from pipeline.planning.storage import load_plan
from pipeline.planning.summary import image_counts
from pipeline.rendering.blender import draw
from pipeline.rendering.config import DeviceKind
from pipeline.rendering.devices import CPU, Device, choose, claimed, find_devices
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.rendering.storage import save_drawn
from pipeline.seeding import rng
from pipeline.settings.flat import flatten
from pipeline.shapes.storage import load_shape
from pipeline.stages.context import Context
from pipeline.stages.making import load_anomalies
from pipeline.stages.palette import read_palette
from pipeline.stages.views import shown
from pipeline.stages.wearing import floors, worn_by_shape
from pipeline.views.select import View
from pipeline.views.storage import load_views

log = logging.getLogger(__name__)


def check(context: Context) -> None:
    """Surroundings that are not there, or no images, are an error now, not after all shapes are made."""
    surroundings = context.config.render.surroundings
    take_scenery(surroundings).check()
    find_floors(surroundings.floor, take_stock(context.config.materials).worn_names)


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape whose materials are chosen; it depends on those materials that it wears."""
    config = context.config
    settings = flatten(_settings(config))
    scenery = take_scenery(config.render.surroundings)
    around = {"surroundings": digest(scenery.fingerprint)} if config.render.surroundings.used else {}
    planned = load_plan(context.layout.plan) if context.layout.plan.is_file() else {}
    for i, worn in worn_by_shape(context, outcomes).items():
        maps = {f"material {name}": outcomes.digest("library", name) for name in sorted(worn)}
        maps |= {f"maps {name}": outcomes.digest("maps", name) for name in sorted(worn & outcomes.of("maps").keys())}
        own = outcomes.inputs(i, "shapes", "anomalies", "topup", "views", "materials")
        images = config.views.reference_views + (image_counts({i: planned[i]}).total() if i in planned else 0)
        yield Unit(i, settings, {**around, **maps, **own}, partial(draw_shape, scenery, i), images)


def _settings(config: Config) -> dict[str, Any]:
    render = config.render.model_dump()
    render.pop("timeout_seconds")  # decides whether there is a result, not what it is
    render.pop("device")  # a dataset that goes on on another machine is not drawn again for its last bits
    surroundings = render.pop("surroundings")
    used = {"surroundings": surroundings} if config.render.surroundings.used else {}
    more = {"materials.metres_per_radius": config.materials.metres_per_radius, "seed": config.seed}
    return {"render": {**render, **used}, "views.resolution": config.views.resolution, **more}


def draw_shape(
    scenery: Scenery, shape_id: str, context: Context, blends: Mapping[str, Path] = MappingProxyType({})
) -> Result:
    """Hand one job file to Blender and keep its images; ``blends``: view -> file that gets its scene, too."""
    config, layout = context.config, context.layout
    chosen = read_json(layout.materials(shape_id))
    textures = {int(texture): _by_part(parts) for texture, parts in chosen["textures"].items()}
    overrides = {
        (int(texture), anomaly): _by_part(parts)
        for texture, by_anomaly in chosen["overrides"].items()
        for anomaly, parts in by_anomaly.items()
    }
    views, reference = load_views(layout.views, shape_id)
    ground = floors(context)
    around = {view.name: scenery.choose(ground, config.seed, shape_id, view.name) for view in views}
    names = {name for parts in (*textures.values(), *overrides.values()) for name in parts.values()}
    names |= {choice.floor for choice in around.values() if choice.floor}
    job = Job(
        shape=load_shape(layout.shape(shape_id)),
        anomalies=list(load_anomalies(layout, shape_id, shown(views)).values()),
        views=views,
        reference=reference,
        textures=textures,
        surfaces=_surfaces(context, names, chosen["cores"]),
        overrides=overrides,
        counterfactuals={view.name for view in views if is_compared(config, shape_id, view)},
        surroundings=around,
        blends=blends,
    )
    devices = context.devices or _own_devices(config.render.device)
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder, claimed(devices) as device:
        with explaining_storage(Path(folder)):
            path = write_job(Path(folder), job, config.views, config.render, context.threads, device)
        drawn = draw(path, config.render.timeout_seconds, layout.render_log(shape_id))
    save_drawn(layout.render(shape_id), drawn)
    return Result((layout.render(shape_id),))


@cache
def _own_devices(kind: DeviceKind) -> tuple[Device, ...]:
    """Those of this machine, for a process that works for a run elsewhere."""
    return _look_for_devices(kind)


def _look_for_devices(kind: DeviceKind) -> tuple[Device, ...]:
    return choose(kind, find_devices() if kind != "CPU" else ())


def is_compared(config: Config, shape_id: str, view: View) -> bool:
    """Whether the view is drawn on the intact shape too."""
    draw = rng(config.seed, "counterfactual", shape_id, view.name).random()
    surface = any(mark.surface_only for mark in view.marks)
    return surface or (bool(view.marks) and draw < config.render.counterfactual_share)


def _by_part(entries: dict[str, str]) -> dict[int, str]:
    return {int(part_id): name for part_id, name in entries.items()}


def _surfaces(context: Context, names: set[str], cores: Mapping[str, str]) -> dict[str, Surface]:
    library, layout = read_palette(context.layout), context.layout
    radius = context.config.materials.metres_per_radius
    swatches = [library[name] for name in sorted(names | {cores[name] for name in names if name in cores})]
    return {
        s.name: Surface(map_files(layout.map_cache / s.folder), s.tile / radius, s.finish, cores.get(s.name))
        for s in swatches
    }


def equip(context: Context, jobs: int, waiting: int) -> tuple[Context, int]:
    """All GPUs, one process each, or the CPU. Says so, once."""
    devices = _look_for_devices(context.config.render.device)
    equipped = replace(context, devices=devices)
    if CPU not in devices:
        cores = jobs * context.threads
        jobs = len(devices)
        equipped = replace(equipped, threads=max(1, cores // len(devices)))
    names = ", ".join(f"{n} x {name}" if n > 1 else name for name, n in Counter(map(str, devices)).items())
    log.info("render: %s, processes: %d, threads each: %d", names, min(jobs, waiting), equipped.threads)
    return equipped, jobs


STAGE = Stage(
    name="render",
    unit="shape",
    version=6,
    libraries=("bpy", "numpy"),
    units=units,
    check=check,
    equip=equip,
    counted_in="images",
)

"""One image of a dataset, made once more by its name: to see why it is as it is, and that it is what was made."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from materials.cache import ensure_maps
from pipeline.appearance.stock import map_size, take_stock
from pipeline.appearance.surroundings import take_scenery
from pipeline.errors import PipelineError, UnitRejected
from pipeline.files import atomic, claim, read_json, write_json
from pipeline.format.reader import NoShards, Shard, find_shards
from pipeline.format.schema import QueryRecord
from pipeline.layout import Layout
from pipeline.planning.plan import ShapePlan, donor_shapes
from pipeline.planning.storage import load_first_plan, load_plan
from pipeline.rendering.storage import load_drawn
from pipeline.run import stored_context
from pipeline.stages import making, materials, quality, render, shards, views
from pipeline.stages.context import Context
from pipeline.stages.wearing import floors, worn_by
from pipeline.views.select import Selection, View
from pipeline.views.storage import load_views, save_views

CLAIM = "sample.json"


@dataclass(frozen=True)
class Remade:
    """A sample that was made once more.

    picture: its file; refused: why the quality stage keeps it out, if it does; shard: the dataset's that holds it, None
    where none does; unlike: the columns in which it differs from what is there.
    """

    picture: Path
    refused: tuple[str, ...]
    shard: Path | None
    unlike: tuple[str, ...]


def remake(dataset: Path, name: str, out: Path, threads: int, keep_blend: bool) -> Remade:
    """Make the image called ``name`` of a dataset's folder again, from its plan and seed on, in a folder of its own.

    ``out`` gets all that the stages make on the way, up to a shard with this image alone; ``<name>.png`` and
    ``<name>.json`` (the recipe: camera, light, materials, parameters and proofs of its anomalies, verdict); and, where
    that is asked for, the scene as ``<name>.blend``.

    Raises PipelineError where the folder lacks what is needed for it, or has no such image.
    """
    there = stored_context(dataset)
    shape_id = _shape_of(name)
    split, plans = _planned(there.layout, shape_id, name)
    claim(out, CLAIM, {"sample": name, "of": str(there.layout.out)}, f"sample {name} of {dataset}")
    context = replace(there, layout=Layout(out.resolve()), threads=threads, devices=())
    _take_over(there.layout, context.layout, shape_id, plans)
    for stage in making.STAGES:
        if stage in plans:
            making.make(stage, plans[stage], shape_id, context)
    views.choose(plans["views"], shape_id, context)
    view = _keep_only(context.layout, shape_id, name)
    materials.choose(shape_id, context)
    _draw_maps(context, shape_id)
    blends = {name: context.layout.out / f"{name}.blend"} if keep_blend else {}
    render.draw_shape(take_scenery(context.config.render.surroundings), shape_id, context, blends)
    refused = _judge(context, shape_id, name)
    picture = _write_pictures(context, shape_id, view, refused)
    if refused:
        return Remade(picture, refused, None, ())
    shards.pack(split, [shape_id], f"{split}-00000", "", context)
    return Remade(picture, (), *_compare(there.layout.out, context.layout.out, name))


def _shape_of(name: str) -> str:
    first, _, rest = name.partition("_")
    shape_id = rest.partition("_")[0]
    if first != "render" or not shape_id:
        raise PipelineError(f"{name!r} is no name of an image, such as render_183_0_2.5_20_30_3_anomaly")
    return shape_id


def _planned(layout: Layout, shape_id: str, name: str) -> tuple[str, dict[str, ShapePlan]]:
    """The shape's split, and what is planned for it in each stage."""
    if not layout.plan.is_file():
        raise PipelineError(
            f"{layout.out} holds no plan ({layout.plan.name} is missing), by which images are made: give the l3d-gen "
            "command that made it once more"
        )
    first = load_first_plan(layout.first_plan)
    found = {
        "anomalies": first.shapes,
        "topup": load_plan(layout.standins) if layout.standins.is_file() else {},
        "views": load_plan(layout.plan),
    }
    if shape_id not in found["views"]:
        known = sorted(found["views"])
        raise PipelineError(f"image {name}: {layout.out} draws no shape {shape_id!r}, but {', '.join(known[:5])}, ...")
    return first.splits[shape_id], {stage: plans[shape_id] for stage, plans in found.items() if shape_id in plans}


def _take_over(source: Layout, own: Layout, shape_id: str, plans: Mapping[str, ShapePlan]) -> None:
    """Copy what other shapes have a say in: the shape and those that give it parts, and what may be worn."""
    donors = {donor for plan in plans.values() for donor in donor_shapes(plan)}
    files = [path for i in {shape_id, *donors} for path in (source.shape(i), source.shape_summary(i))]
    for path in (*files, source.library):
        if not path.is_file():
            raise PipelineError(f"{path} is missing: give the l3d-gen command that made {source.out} once more")
        target = own.out / path.relative_to(source.out)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _keep_only(layout: Layout, shape_id: str, name: str) -> View:
    """The view of that name, which alone is kept."""
    found, reference = load_views(layout.views, shape_id)
    for view in found:
        if view.name == name:
            save_views(layout.views, shape_id, Selection((view,), {}), reference)
            return view
    names = ", ".join(view.name for view in found[:3])
    raise PipelineError(f"shape {shape_id} has no image {name}; it has {len(found)}, such as {names}")


def _draw_maps(context: Context, shape_id: str) -> None:
    config, layout = context.config, context.layout
    stock = take_stock(config.materials).materials
    for name in sorted(worn_by(read_json(layout.materials(shape_id))) | set(floors(context))):
        ensure_maps(stock[name], map_size(stock[name], config.materials, config.views), layout.map_cache)


def _judge(context: Context, shape_id: str, name: str) -> tuple[str, ...]:
    """Why the image is refused."""
    try:
        quality.judge(shape_id, context)
    except UnitRejected as rejection:
        return (rejection.message,)
    return tuple(read_json(context.layout.quality(shape_id))[name]["reasons"])


def _write_pictures(context: Context, shape_id: str, view: View, refused: tuple[str, ...]) -> Path:
    """The image, the intact shape's from the same camera where that was drawn, and the recipe."""
    layout = context.layout
    drawn = load_drawn(layout.render(shape_id))
    picture = layout.out / f"{view.name}.png"
    shown = {picture: drawn.query[0]}
    shown |= {picture.with_name(f"{view.name}_intact.png"): image for image in drawn.counterfactual}
    for path, pixels in shown.items():
        with atomic(path) as temporary:
            Image.fromarray(pixels).save(temporary)
    anomalies = making.load_anomalies(layout, shape_id, views.shown([view])).values()
    chosen = read_json(layout.materials(shape_id))
    recipe = {
        "camera": {"K": view.camera.K.tolist(), "world_to_camera": view.camera.world_to_camera.tolist()},
        "azimuth": view.azimuth,
        "elevation": view.elevation,
        "radius": view.radius,
        "light": view.light,
        "materials": chosen["textures"][str(view.texture)],
        "materials of anomalies": chosen["overrides"].get(str(view.texture), {}),
        "anomalies": {a.name: {"target": a.target, "parameters": a.parameters, "proof": a.proof} for a in anomalies},
        "refused": refused,
    }
    write_json(picture.with_suffix(".json"), recipe)
    return picture


def _compare(dataset: Path, own: Path, name: str) -> tuple[Path | None, tuple[str, ...]]:
    """The dataset's shard that holds the image, and the columns in which it is unlike."""
    stored, made = _find(dataset, name), _find(own, name)
    if stored is None or made is None:
        return None, ()
    path, record = stored
    return path, tuple(column for column, value in asdict(made[1]).items() if not _same(value, asdict(record)[column]))


def _find(dataset: Path, name: str) -> tuple[Path, QueryRecord] | None:
    """An image in the shards of a dataset, if they hold it."""
    try:
        paths = find_shards(dataset)
    except NoShards:
        return None
    for path in paths:
        with Shard(path) as shard:
            rows = np.flatnonzero(shard.column("queries", "name") == name)
            if len(rows):
                return path, shard.query(int(rows[0]))
    return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(np.array_equal(one, other))

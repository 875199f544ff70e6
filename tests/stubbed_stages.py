"""Runs over thousands of made-up shapes: the stages' costly work is replaced by writing a few bytes that depend on what
the work would depend on. Listing, planning, hashing, recording and looking up are the real ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from pipeline.anomalies.targets.nodes import Node
from pipeline.config import Config
from pipeline.engine.unit import Result
from pipeline.engine.workers import Effort
from pipeline.files import write_json
from pipeline.format.labels import NORMAL
from pipeline.planning.plan import ShapePlan
from pipeline.planning.topup import Made
from pipeline.run import Run, open_run
from pipeline.settings.loading import load
from pipeline.shapes.sources import Source
from pipeline.stages import making, materials, quality, render, report, shapes, shards, views
from pipeline.stages.context import Context

#: Labels of parts, and how many of PartNet's chairs roughly have them.
LABELS = {
    "chair/chair_base/regular_leg_base/leg": 1.0,
    "chair/chair_back/back_surface": 0.95,
    "chair/chair_arm": 0.6,
    "chair/chair_seat/seat_surface": 0.9,
    "chair/chair_back/back_frame": 0.4,
    "chair/chair_seat/seat_frame": 0.3,
    "chair/chair_seat/seat_support": 0.3,
    "chair/chair_base/pedestal_base": 0.2,
    "chair/chair_back/back_support": 0.2,
    "chair/footrest": 0.05,
    "chair/chair_head": 0.1,
}
OBJ_FILES = 8
#: Share of the planned anomalies that turn out impossible, and most cameras that show one.
IMPOSSIBLE, MOST_CAMERAS = 0.05, 9


def write_source(root: Path, count: int) -> Path:
    """A folder with as many shapes as PartNet's layout has files for, none of which is a mesh."""
    for number in range(count):
        folder = root / str(1000 + number)
        (folder / "objs").mkdir(parents=True)
        meta = {"anno_id": folder.name, "model_cat": "Chair", "model_id": f"m{number}"}
        (folder / "meta.json").write_text(json.dumps(meta))
        (folder / "result_after_merging.json").write_text("[]")
        for part in range(OBJ_FILES):
            change_file(folder / "objs" / f"part_{part}.obj", f"{number} {part}")
    return root


def change_file(path: Path, text: str) -> None:
    """Write a source file, as if long ago, so that its time can be trusted."""
    path.write_text(text)
    moment = path.stat().st_mtime_ns - 10**11
    os.utime(path, ns=(moment, moment))


def config_for(root: Path, *overrides: str) -> Config:
    """Table 1 of the paper, in proportion to the shapes under ``root``."""
    settings = [f"source=partnet:{root}", "materials.only=[walnut, denim]", "materials.map_size=32", *overrides]
    return load(Config, "brokenchairs180k", settings)


def stubbed_run(root: Path, out: Path, *overrides: str, overwrite: bool = False) -> Run:
    """A run over ``root``; to be executed within ``stubs()``."""
    return open_run(config_for(root, *overrides), out, Effort(), lambda *_: None, overwrite=overwrite)


@contextmanager
def stubs() -> Iterator[None]:
    """Replace the costly work of all stages."""
    with ExitStack() as stack:
        for module, name, stub in (
            (shapes, "read", _read),
            (making, "make", _make),
            (views, "choose", _choose_views),
            (materials, "choose", _choose_materials),
            (render, "draw_shape", _draw),
            (quality, "judge", _judge),
            (shards, "pack", _pack),
            (report, "write", _report),
        ):
            stack.enter_context(patch.object(module, name, stub))
        yield


def _digest(*things: Any) -> str:
    return hashlib.sha256(repr(things).encode()).hexdigest()


def _random(*things: Any) -> np.random.Generator:
    return np.random.default_rng(int(_digest(*things)[:12], 16))


def _write(path: Path, *content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_digest(*content))
    return path


def _read(source: Source, shape_id: str, context: Context) -> Result:
    """Nodes by the shape's id, their sizes by what its files hold but for what follows a ``#``."""
    root = Path(context.config.source.partition(":")[2])
    files = sorted((root / shape_id / "objs").glob("*.obj"))
    content = [path.read_text().partition("#")[0].strip() for path in files]
    kinds, sizes = _random(shape_id), _random(shape_id, content)
    own = [label for label, often in LABELS.items() if kinds.random() < often] or [next(iter(LABELS))]
    nodes = []
    for number, label in enumerate(own, 1):
        x, y, z, visible = (round(float(v), 6) for v in sizes.uniform((0.1, 0.1, 0.1, 0.01), (0.3, 0.3, 0.3, 0.3)))
        nodes.append(Node((number,), label, (x, y, z), 0.05, visible))
    layout = context.layout
    summary = {"model_id": f"m{shape_id}", "nodes": [asdict(node) for node in nodes]}
    write_json(layout.shape_summary(shape_id), summary)
    return Result((_write(layout.shape(shape_id), content), layout.shape_summary(shape_id)))


def _make(*arguments: Any) -> Result:
    """Some anomalies prove impossible, the others show in some cameras."""
    stage, plan, shape_id, context = arguments[-4:]
    layout = context.layout
    seen, targets = {NORMAL: context.config.plan.normal.images_per_shape[1]}, {}
    for anomaly in plan.anomalies:
        random = _random("made", shape_id, anomaly.name)
        if random.random() > IMPOSSIBLE:
            seen[anomaly.name] = int(random.integers(1, MOST_CAMERAS, endpoint=True))
            targets[anomaly.name] = anomaly.target
    write_json(layout.made(stage, shape_id), asdict(Made(seen, targets)))
    geometry = _write(layout.anomalies(stage, shape_id) / "all.glb", asdict(plan), layout.shape(shape_id).read_text())
    return Result((geometry, layout.made(stage, shape_id)))


def _choose_views(plan: ShapePlan, shape_id: str, context: Context) -> Result:
    layout = context.layout
    return Result((_write(layout.views / f"{shape_id}.npz", asdict(plan), layout.shape(shape_id).read_text()),))


def _choose_materials(shape_id: str, context: Context) -> Result:
    layout = context.layout
    textures = {"0": {"1": "walnut"}, "1": {"1": "denim"}}
    write_json(layout.materials(shape_id), {"textures": textures, "overrides": {}, "cores": {}})
    return Result((layout.materials(shape_id),))


def _draw(scenery: Any, shape_id: str, context: Context) -> Result:
    layout = context.layout
    return Result((_write(layout.render(shape_id), (layout.views / f"{shape_id}.npz").read_text()),))


def _judge(shape_id: str, context: Context) -> Result:
    write_json(context.layout.quality(shape_id), {})
    return Result((context.layout.quality(shape_id),))


def _pack(split: str, shape_ids: Sequence[str], name: str, fingerprint: str, context: Context) -> Result:
    return Result((_write(context.layout.shard(name), fingerprint),))


def _report(shard_names: Sequence[str], judged: Sequence[str], notes: Mapping[str, Any], context: Context) -> Result:
    write_json(context.layout.dataset, {"shards": list(shard_names)})
    return Result((context.layout.dataset,))

"""shards: the accepted images of some shapes of one split in one file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial

from pipeline.digests import digest
from pipeline.engine.stage import PENDING, Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.files import read_json
from pipeline.format.labels import SPLITS
from pipeline.format.schema import ShapeRecord
from pipeline.format.writer import write_shard
from pipeline.layout import Layout
from pipeline.packing.records import shape_record
from pipeline.rendering.storage import load_drawn
from pipeline.settings.flat import flatten
from pipeline.shapes.storage import load_shape
from pipeline.stages.content import content_settings
from pipeline.stages.context import Context
from pipeline.stages.making import load_anomalies
from pipeline.stages.plan import read_first_plan
from pipeline.stages.views import shown
from pipeline.views.storage import load_views

#: Names of shards that a run may remove when they are not part of its plan.
OWN_SHARD = re.compile(r"(train|val|test)-\d{5}\.h5")
#: The stages whose files a shard is made of.
READ = ("shapes", "anomalies", "topup", "views", "render", "quality")


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shard. Its settings are those that it carries, of the whole dataset."""
    config = context.config
    settings = flatten(content_settings(config))
    splits = read_first_plan(context.layout).splits
    size = config.shards.shapes_per_shard
    for split in SPLITS:
        members = [i for i in outcomes.done("quality") if splits[i] == split]
        for number, start in enumerate(range(0, len(members), size)):
            name, chunk = f"{split}-{number:05d}", members[start : start + size]
            inputs = {f"shape {i}": _digest_of(i, outcomes) for i in chunk}
            yield Unit(name, settings, inputs, partial(pack, split, chunk, name, digest(name, settings, inputs)))


def _digest_of(shape_id: str, outcomes: Outcomes) -> str:
    """Of all that a shard holds of the shape; of what is yet to be made, what says so."""
    inputs = outcomes.inputs(shape_id, *READ)
    return PENDING if PENDING in inputs.values() else digest(inputs)


def load_record(layout: Layout, shape_id: str) -> ShapeRecord:
    """One shape as a shard stores it, with its accepted images only."""
    verdicts = read_json(layout.quality(shape_id))
    accepted = {name for name, verdict in verdicts.items() if not verdict["reasons"]}
    views, reference = load_views(layout.views, shape_id)
    return shape_record(
        load_shape(layout.shape(shape_id)),
        list(load_anomalies(layout, shape_id, shown(views)).values()),
        views,
        reference,
        load_drawn(layout.render(shape_id)),
        accepted,
    )


def pack(split: str, shape_ids: Sequence[str], name: str, fingerprint: str, context: Context) -> Result:
    """Write one file of one split."""
    path = context.layout.shard(name)
    records = (load_record(context.layout, shape_id) for shape_id in shape_ids)
    level = context.config.shards.compression_level
    write_shard(path, split, json.dumps(content_settings(context.config)), fingerprint, records, level)
    return Result((path,))


def remove_stale(context: Context, outcomes: Outcomes) -> None:
    """Remove shards of another plan or split: they would leak shapes between splits."""
    layout = context.layout
    for path in set(layout.shards.glob("*.h5")) - {layout.shard(name) for name in outcomes.done("shards")}:
        if OWN_SHARD.fullmatch(path.name):
            path.unlink()


STAGE = Stage(name="shards", unit="shard", version=3, libraries=("h5py",), units=units, finish=remove_stale)

"""shapes: read, mend, normalise; measure the nodes that a person would call a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from pydantic import TypeAdapter

from pipeline.anomalies.targets.nodes import Node, find_nodes
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.format.naming import shape_id as spelled
from pipeline.layout import Layout
from pipeline.settings.flat import flatten
from pipeline.shapes.sources import Source, parse_source
from pipeline.shapes.storage import load_shape, save_shape
from pipeline.stages.context import Context
from pipeline.typed_json import read_typed


@dataclass(frozen=True)
class Summary:
    """What later stages need to know of a shape: which model it annotates, and its nodes."""

    model_id: str
    nodes: tuple[Node, ...]


_SUMMARY = TypeAdapter(Summary)


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a shape of the source that is wanted."""
    source = find_source(context)
    settings = flatten({"shapes": context.config.shapes})
    ids = wanted_ids(source, context.config.only_shapes)
    for i, digest in source.digests(ids).items():
        yield Unit(i, settings, {"source": digest}, partial(read, source, i))


def find_source(context: Context) -> Source:
    """The configured source, which may keep what it makes, and what it knows of its files, in the dataset's folder."""
    config, layout = context.config, context.layout
    return parse_source(config.source, config.seed, layout.source, config.shapes)


def wanted_ids(source: Source, only: Sequence[str]) -> list[str]:
    """The source's shapes that are wanted by id, or by the name of which it is made; all where none is."""
    ids = source.ids()
    known = set(ids)
    wanted = {name: name if name in known else spelled(name) for name in only}
    unknown = sorted(name for name, i in wanted.items() if i not in known)
    if unknown:
        raise PipelineError(f"shape {unknown[0]!r} is not in the source, which has {len(ids)} shapes, e.g. {ids[0]!r}")
    chosen = set(wanted.values())
    return [i for i in ids if not only or i in chosen]


def read(source: Source, shape_id: str, context: Context) -> Result:
    """Store one shape, and what later stages need to know of its nodes."""
    layout = context.layout
    shape = source.read(shape_id)
    save_shape(layout.shape(shape_id), shape)
    # From what was stored: GLB rounds to float32, and later stages see only that.
    stored = load_shape(layout.shape(shape_id))
    write_json(layout.shape_summary(shape_id), asdict(Summary(stored.model_id, tuple(find_nodes(stored)))))
    return Result((layout.shape(shape_id), layout.shape_summary(shape_id)))


def read_summary(layout: Layout, shape_id: str) -> Summary:
    """What this stage found of a shape. Raises PipelineError."""
    return read_typed(layout.shape_summary(shape_id), _SUMMARY, "shape", "remove it and run the shapes stage again")


STAGE = Stage(
    name="shapes",
    unit="shape",
    version=3,
    libraries=("numpy", "trimesh", "embreex"),
    units=units,
    needs_all=True,
)

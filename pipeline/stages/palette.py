"""palette: all materials that may be worn, with the weights that their libraries are to have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from pipeline.appearance.library import Library, balanced, load_library, save_library
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.layout import Layout
from pipeline.settings.flat import flatten
from pipeline.stages.context import Context

NAME = "palette"


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One, of all materials that could be made."""
    names = outcomes.done("library")
    inputs = {f"material {name}": outcomes.digest("library", name) for name in names}
    yield Unit(NAME, flatten({"materials": context.config.materials}), inputs, partial(make, names))


def make(names: Sequence[str], context: Context) -> Result:
    """Put the materials together."""
    layout = context.layout
    swatches = (swatch for name in sorted(names) for swatch in load_library(layout.swatch(name)).swatches)
    save_library(layout.library, balanced(swatches, context.config.materials))
    return Result((layout.library,))


@lru_cache(maxsize=1)
def _library(path: Path, modified_ns: int) -> Library:
    """Read once a process; ``modified_ns`` tells a new file from an old one."""
    return load_library(path)


def read_palette(layout: Layout) -> Library:
    """What ``make`` wrote."""
    return _library(layout.library, layout.library.stat().st_mtime_ns)


STAGE = Stage(
    name=NAME,
    unit="dataset",
    version=1,
    libraries=("numpy",),
    units=units,
    isolated=False,
    implied=True,
)

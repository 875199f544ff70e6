"""maps: those of the built-in materials that something wears. (A user's own set is read by the stage ``library``.)"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from pathlib import Path

from materials.cache import ensure_maps, folder_name
from materials.cache import fingerprint as maps_fingerprint
from materials.material import Material
from pipeline.appearance.library import is_known
from pipeline.appearance.stock import map_size, take_stock
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.stages.context import Context
from pipeline.stages.wearing import worn_by_shape


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a material that is worn and was not looked at before it was chosen."""
    config = context.config
    stock = take_stock(config.materials).materials
    worn = set().union(*worn_by_shape(context, outcomes).values())
    for name in sorted(worn & stock.keys()):
        if is_known(stock[name]):
            size = map_size(stock[name], config.materials, config.views)
            yield Unit(name, {}, {"maps": maps_fingerprint(stock[name], size)}, partial(make, stock[name], size))


def make(material: Material, size: int, context: Context) -> Result:
    """Draw the maps of one material, with edges of ``size`` pixels."""
    return Result(draw_anew(material, size, context.layout.map_cache))


def draw_anew(material: Material, size: int, cache: Path) -> tuple[Path, ...]:
    """Draw a material's maps; their files, and that of what was measured of them. Raises UnitRejected as its source."""
    # A unit that is worked on is not finished: what is there may be half a file, or of other versions.
    shutil.rmtree(cache / folder_name(material, size), ignore_errors=True)
    files = ensure_maps(material, size, cache)
    return (*astuple(files), files.summary)


STAGE = Stage(
    name="maps",
    unit="material",
    version=1,
    libraries=("numpy", "scipy"),
    units=units,
    needs_all=True,
)

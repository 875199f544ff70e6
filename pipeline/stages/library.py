"""library: what the choice of materials needs to know of each, and the maps of the user's own ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from materials.cache import fingerprint as maps_fingerprint
from materials.colours import known_colour
from materials.material import Material
from pipeline.appearance.library import Library, is_known, make_swatch, save_library
from pipeline.appearance.stock import map_size, take_stock
from pipeline.digests import digest
from pipeline.engine.stage import Outcomes, Stage
from pipeline.engine.unit import Result, Unit
from pipeline.stages.context import Context
from pipeline.stages.maps import draw_anew


def check(context: Context) -> None:
    """A library that is not there is an error now, not after all shapes are read."""
    take_stock(context.config.materials)


def units(context: Context, outcomes: Outcomes) -> Iterator[Unit[Context]]:
    """One a material; what cannot be used of the user's own libraries is told, and nothing lost."""
    config = context.config
    stock = take_stock(config.materials)
    for name, material in sorted(stock.materials.items()):
        size = map_size(material, config.materials, config.views)
        finish, style = material.finish.model_dump(mode="json"), material.source.style
        kind = [material.material_class, material.tile, material.weight, finish, style, stock.library[name]]
        inputs = {"maps": maps_fingerprint(material, size), "material": digest(kind, known_colour(material))}
        yield Unit(name, {}, inputs, partial(make, material, stock.library[name], size, name))


def make(material: Material, library: int, size: int, name: str, context: Context) -> Result:
    """Measure one material, whose maps have edges of ``size`` pixels."""
    layout = context.layout
    files = () if is_known(material) else draw_anew(material, size, layout.map_cache)
    save_library(layout.swatch(name), Library((make_swatch(material, library, size, layout.map_cache),)))
    return Result((layout.swatch(name), *files))


STAGE = Stage(
    name="library",
    unit="material",
    version=4,
    libraries=("numpy", "scipy"),
    units=units,
    check=check,
    optional=True,
)

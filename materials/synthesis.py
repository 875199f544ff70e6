"""A material's maps, made from its recipe."""

from __future__ import annotations

from materials.catalogue import Material
from materials.maps import Maps, encode
from materials.noise import MIN_SIZE, Canvas
from materials.recipes import RECIPES
from pipeline.errors import PipelineError
from pipeline.seeding import rng

#: The library is one fixed set of materials: the run's seed chooses among them, it does not change them.
LIBRARY_SEED = 0


def synthesise(material: Material, size: int) -> Maps:
    """Maps of ``size`` x ``size`` pixels; the same material gives the same bytes, whatever came before.

    Sizes below ``MIN_SIZE`` are averaged down from it. Raises PipelineError unless ``size`` is a power of two.
    """
    if size < 1 or size & (size - 1):
        raise PipelineError(f"material maps of size {size}: the size must be a power of two, e.g. 256 or 512")
    work = max(size, MIN_SIZE)
    canvas = Canvas(work, rng(LIBRARY_SEED, "materials", material.name))
    surface = RECIPES[material.recipe].function(canvas, **material.parameters)
    return encode(surface.reduced(work // size))

"""Libraries for tests, without making any map."""

from __future__ import annotations

from collections.abc import Iterable

from materials.catalogue import load_catalogue
from materials.color import linear, to_lab
from materials.material import Finish, Material, MaterialClass
from materials.synthesis import Synthesis
from pipeline.appearance.library import Library, Swatch


def swatch(
    name: str,
    material_class: MaterialClass,
    colour: tuple[float, float, float],
    style: str = "any",
    weight: float = 1,
    library: int = 0,
) -> Swatch:
    """``colour``: CIE L*a*b*."""
    return Swatch(name, material_class, library, style, 0.5, Finish(), weight, colour, name)


def library_of(materials: Iterable[Material]) -> Library:
    """Built-in materials in the first colour that their recipe was given."""
    return Library(tuple(swatch(m.name, m.material_class, _colour(m), m.source.style) for m in materials))


def catalogue_library() -> Library:
    return library_of(load_catalogue())


def _colour(material: Material) -> tuple[float, float, float]:
    assert isinstance(material.source, Synthesis)
    values = [v[0] if isinstance(v, tuple) else v for v in material.source.parameters.values()]
    first = next(str(v) for v in values if str(v).startswith("#"))
    lightness, a, b = (float(x) for x in to_lab(linear(first)))
    return lightness, a, b

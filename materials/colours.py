"""Mean colours of the built-in materials, known before a map is drawn: materials are chosen by them.

``colours.json`` holds them; ``python -m materials.colours`` measures anew those that are not known any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from materials.cache import fingerprint
from materials.catalogue import load_catalogue
from materials.color import Lab, mean_lab
from materials.material import Material
from materials.noise import MIN_SIZE
from pipeline.files import read_json, write_json

KNOWN = Path(__file__).with_name("colours.json")


def known_colour(material: Material) -> Lab | None:
    """Mean CIE L*a*b* of a material's maps; None where it was never measured, or of another recipe than it has now."""
    maps, *colour = _known().get(material.name, "-").split()
    if maps != fingerprint(material, MIN_SIZE):
        return None
    lightness, a, b = map(float, colour)
    return lightness, a, b


@cache
def _known() -> Mapping[str, str]:
    """Material -> fingerprint of its maps, and their colour."""
    content: Mapping[str, str] = read_json(KNOWN)
    return content


def measure() -> None:
    """Bring the file up to date."""
    found = {}
    for material in load_catalogue():
        colour = known_colour(material) or mean_lab(material.source.maps(MIN_SIZE).base_color)
        found[material.name] = " ".join([fingerprint(material, MIN_SIZE), *map(str, colour)])
    write_json(KNOWN, found)


if __name__ == "__main__":
    measure()

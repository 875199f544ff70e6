"""Another material for a part: one it could plausibly wear, of a clearly different look."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np

from materials.material import MaterialClass
from pipeline.anomalies.config import SurfaceConfig
from pipeline.appearance.library import Library, Swatch
from pipeline.appearance.priors import Priors, Zone, load_priors
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import Shape


def other_material(
    shape: Shape,
    part_ids: Collection[int],
    worn: Mapping[int, str],
    library: Library,
    choice: float,
    config: SurfaceConfig,
) -> str:
    """Name of a material that all of ``part_ids`` could wear but that looks unlike what most of them wears.

    worn: part id -> material name, of every part (``Assignment.materials``); choice: in [0, 1), picks a class by the
    prior table's weights and a material within it. A material that another part of the shape wears is not
    taken. Raises UnitRejected where the library has none that is different enough.
    """
    priors = load_priors()
    weights, zones = _common_weights(shape, part_ids, priors), _zones(shape, part_ids, priors)
    present, taken = library[_most_worn(shape, part_ids, worn)], set(worn.values())

    def fits(swatch: Swatch) -> bool:
        same = swatch.material_class == present.material_class
        least = config.min_colour_difference_in_class if same else config.min_colour_difference
        differs = math.dist(swatch.colour, present.colour) >= least
        suits = all(zone.suits(swatch.name, swatch.style) for zone in zones)
        return differs and suits and swatch.material_class in weights and swatch.name not in taken

    options = [swatch for swatch in library.swatches if fits(swatch)]
    if not options:
        raise UnitRejected(
            "no-other-material",
            f"the library has nothing unlike {present.name} for part(s) {list(part_ids)} of shape {shape.shape_id}; "
            f"it needs one of {', '.join(weights)} at a colour difference of {config.min_colour_difference} "
            f"({config.min_colour_difference_in_class} for {present.material_class})",
        )
    in_class: defaultdict[MaterialClass, float] = defaultdict(float)
    for swatch in options:
        in_class[swatch.material_class] += swatch.weight
    share = np.cumsum([weights[m.material_class] * m.weight / in_class[m.material_class] for m in options])
    place = int(np.searchsorted(share, choice * share[-1], side="right"))
    return options[min(place, len(options) - 1)].name


def _most_worn(shape: Shape, part_ids: Collection[int], worn: Mapping[int, str]) -> str:
    """The material on most of the parts' surface."""
    areas: defaultdict[str, float] = defaultdict(float)
    for i in sorted(part_ids):
        areas[worn[i]] += float(shape.part(i).mesh.area)
    return max(areas, key=areas.__getitem__)


def _common_weights(shape: Shape, part_ids: Collection[int], priors: Priors) -> dict[MaterialClass, float]:
    """Classes that every part allows, each with its smallest weight. Never empty: all zones allow plastic."""
    parts = [shape.part(i) for i in part_ids]
    tables = [priors.weights(priors.zone_of(p.label), p.hardness) for p in parts]
    shared = [c for c in tables[0] if all(c in table for table in tables)]
    return {c: min(table[c] for table in tables) for c in shared}


def _zones(shape: Shape, part_ids: Collection[int], priors: Priors) -> list[Zone]:
    return [priors.zone(name) for name in sorted({priors.zone_of(shape.part(i).label) for i in part_ids})]

"""Another material for a part: one it could plausibly wear, of a clearly different look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from materials.catalogue import Catalogue
from materials.color import to_lab, to_linear
from materials.recipes import MaterialClass
from materials.synthesis import synthesise
from pipeline.appearance.priors import Priors, load_priors
from pipeline.config import AppearanceConfig
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import Shape

Lab = NDArray[np.float64]


def mean_colours(catalogue: Catalogue) -> dict[str, Lab]:
    """Material name -> (3,) CIE L*a*b* of its mean colour, measured on its map; some 40 ms a material."""
    return {m.name: to_lab(to_linear(synthesise(m, 1).base_color[0, 0])) for m in catalogue.materials}


def other_material(
    shape: Shape,
    part_ids: Collection[int],
    worn: Mapping[int, str],
    catalogue: Catalogue,
    colours: Mapping[str, Lab],
    choice: float,
    config: AppearanceConfig,
) -> str:
    """Name of a material that all of ``part_ids`` could wear but that looks unlike what most of them wears.

    worn: part id -> material name, of every part (``Assignment.materials``); colours: ``mean_colours(catalogue)``;
    choice: in [0, 1), picks a class by the prior table's weights and a material within it. A material that another
    part of the shape wears is not taken. Raises UnitRejected where the catalogue has none that is different enough.
    """
    weights = _common_weights(shape, part_ids, load_priors())
    present = catalogue[_most_worn(shape, part_ids, worn)]

    def fits(name: str, material_class: MaterialClass) -> bool:
        same = material_class == present.material_class
        least = config.min_colour_difference_in_class if same else config.min_colour_difference
        differs = float(np.linalg.norm(colours[name] - colours[present.name])) >= least
        return differs and material_class in weights and name not in worn.values()

    options = [m for m in catalogue.materials if fits(m.name, m.material_class)]
    if not options:
        raise UnitRejected(
            "no-other-material",
            f"the catalogue has nothing unlike {present.name} for part(s) {list(part_ids)} of shape {shape.shape_id}; "
            f"it needs one of {', '.join(weights)} at a colour difference of {config.min_colour_difference} "
            f"({config.min_colour_difference_in_class} for {present.material_class})",
        )
    in_class = Counter(m.material_class for m in options)
    share = np.cumsum([weights[m.material_class] / in_class[m.material_class] for m in options])
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

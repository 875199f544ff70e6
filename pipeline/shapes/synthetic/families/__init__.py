"""The families of synthetic chairs: each a function that draws its parameters and builds one chair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.families.benches import bench, lounge
from pipeline.shapes.synthetic.families.dining import dining, ladder_back
from pipeline.shapes.synthetic.families.folding import folding
from pipeline.shapes.synthetic.families.office import office
from pipeline.shapes.synthetic.families.rocking import rocking
from pipeline.shapes.synthetic.families.shell_chairs import pedestal, shell
from pipeline.shapes.synthetic.families.sofas import armchair, recliner, sofa, wing
from pipeline.shapes.synthetic.families.steel import cantilever, school
from pipeline.shapes.synthetic.families.stools import bar_stool, stool
from pipeline.shapes.synthetic.families.windsor import windsor

#: Family name -> builder; the order is the order in which chair numbers cycle through them.
BUILDERS: dict[str, Callable[[np.random.Generator], Assembly]] = {
    "dining": dining,
    "office": office,
    "armchair": armchair,
    "windsor": windsor,
    "cantilever": cantilever,
    "stool": stool,
    "shell": shell,
    "rocking": rocking,
    "sofa": sofa,
    "bar_stool": bar_stool,
    "ladder_back": ladder_back,
    "pedestal": pedestal,
    "folding": folding,
    "wing": wing,
    "bench": bench,
    "school": school,
    "lounge": lounge,
    "recliner": recliner,
}

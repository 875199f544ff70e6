"""What shows where a part is broken."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

from pipeline.appearance.library import Library
from pipeline.appearance.priors import load_priors


def core_of(name: str, library: Library) -> str | None:
    """Name of the core under material ``name``: of those that fit its class, the nearest in colour; None for itself."""
    worn = library[name]
    patterns = load_priors().cores.get(worn.material_class, ())
    cores = [c for c in library.of_class("core") if any(fnmatchcase(c.name, pattern) for pattern in patterns)]
    return min(cores, key=lambda c: math.dist(c.colour, worn.colour)).name if cores else None

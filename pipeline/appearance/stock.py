"""What materials there are, before any is made."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from materials.catalogue import load_catalogue
from materials.material import Material
from materials.scans import UnusableSet, scan_folder
from pipeline.appearance.config import MaterialsConfig
from pipeline.appearance.priors import HARD
from pipeline.errors import PipelineError
from pipeline.views.config import ViewsConfig

#: Smaller maps would save nothing.
MIN_MAP_SIZE = 32


@dataclass(frozen=True)
class Stock:
    """What may be made.

    materials: by name, cores among them; library: name -> 0 for built-in ones, n for the n-th of the user's;
    left_out: the sets that cannot be used.
    """

    materials: dict[str, Material]
    library: dict[str, int]
    left_out: tuple[UnusableSet, ...]

    @property
    def worn_names(self) -> list[str]:
        """Names of all that may be worn: of everything but cores."""
        return [name for name, material in self.materials.items() if material.material_class != "core"]


def take_stock(config: MaterialsConfig) -> Stock:
    """The built-in catalogue and the user's folders, as configured. No map is made and no image opened.

    Cores are always there. Raises PipelineError for a folder or a pattern that gives nothing, and where no
    material is left that fits hard parts.
    """
    catalogue = load_catalogue()
    worn = [m for m in catalogue if m.material_class != "core"] if config.builtin else []
    found = [(0, m) for m in worn]
    left_out: list[UnusableSet] = []
    for number, library in enumerate(config.libraries):
        sets = scan_folder(Path(library.folder), f"own{number}_", library.material_class, library.tile)
        if not sets.materials and not sets.left_out:
            raise PipelineError(
                f"materials.libraries: {library.folder} holds no set of maps whose names are known; "
                "docs/own_materials.md lists the names"
            )
        left_out += sets.left_out
        found += [(number + 1, m) for m in sets.materials]
    kept = _named(config.only, found)
    if not any(m.material_class in HARD for _, m in kept):
        reasons = "; ".join(f"{item.where}: {item.reason}" for item in left_out[:3])
        raise PipelineError(
            f"no material of class {', '.join(HARD)} is left, and hard parts need one: materials.builtin is "
            f"{config.builtin}, materials.only is {list(config.only)}, {len(config.libraries)} libraries of your own"
            f"{'; left out: ' + reasons if reasons else ''}"
        )
    cores = [(0, m) for m in catalogue if m.material_class == "core"]
    return Stock({m.name: m for _, m in (*kept, *cores)}, {m.name: n for n, m in (*kept, *cores)}, tuple(left_out))


def _named(only: tuple[str, ...], found: list[tuple[int, Material]]) -> list[tuple[int, Material]]:
    """Those that a pattern names; all without patterns."""
    for pattern in only:
        if not any(fnmatchcase(m.name, pattern) for _, m in found):
            raise PipelineError(
                f"materials.only: no material is called {pattern!r}, of {len(found)}; l3d-data materials shows them all"
            )
    return [(n, m) for n, m in found if not only or any(fnmatchcase(m.name, pattern) for pattern in only)]


def map_size(material: Material, config: MaterialsConfig, views: ViewsConfig) -> int:
    """Edge of the maps in pixels, a power of two: as fine as the images can show, at most ``config.map_size``.

    Where the cameras' radius or focal length varies, the middle one decides. Cycles does not filter textures that are
    finer than the image; their texels would be noise.
    """
    focal = np.mean(views.query_focal_mm) / views.sensor_mm * views.resolution
    pixel = np.mean(views.query_radius) / focal * config.metres_per_radius
    texels = material.tile / pixel * config.texels_per_pixel
    return int(min(config.map_size, max(MIN_MAP_SIZE, 2 ** np.ceil(np.log2(texels)))))

"""The run's library: every material that can be worn, made, measured and weighted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from materials.cache import ensure_maps, folder_name, read_summary
from materials.catalogue import load_catalogue
from materials.material import Finish, Material, MaterialClass
from materials.scans import LeftOut, scan_folder
from pipeline.config import MaterialsConfig, ViewsConfig
from pipeline.errors import PipelineError, UnitRejected
from pipeline.files import read_json, write_json

#: Smaller maps would save nothing.
MIN_MAP_SIZE = 32


@dataclass(frozen=True)
class Stock:
    """Materials by name, their weight among those of their class, and the sets that cannot be used."""

    materials: dict[str, Material]
    weights: dict[str, float]
    left_out: tuple[LeftOut, ...]


def take_stock(config: MaterialsConfig) -> Stock:
    """The built-in catalogue and the user's folders, as configured. No map is made and no image opened.

    Every library has its weight in each class that it has materials of, and shares it among them by theirs. Cores are
    always there. Raises PipelineError for a folder or a pattern that gives nothing.
    """
    catalogue = load_catalogue()
    shelves = [(config.builtin, [m for m in catalogue if m.material_class != "core"])] if config.builtin else []
    left_out: list[LeftOut] = []
    for number, library in enumerate(config.libraries):
        found = scan_folder(Path(library.folder), f"own{number}_", library.material_class, library.tile)
        left_out += found.left_out
        shelves.append((library.weight, list(found.materials)))
    kept = [(weight, [m for m in shelf if _wanted(m.name, config.only)]) for weight, shelf in shelves]
    weights: dict[str, float] = {}
    for weight, shelf in kept:
        in_class: defaultdict[MaterialClass, float] = defaultdict(float)
        for material in shelf:
            in_class[material.material_class] += material.weight
        weights |= {m.name: weight * m.weight / in_class[m.material_class] for m in shelf}
    if not weights:
        reasons = "; ".join(f"{item.where}: {item.reason}" for item in left_out[:3])
        raise PipelineError(
            f"no material is left: materials.builtin is {config.builtin}, materials.only is {list(config.only)}, "
            f"{len(config.libraries)} libraries of your own{' (' + reasons + ')' if reasons else ''}"
        )
    materials = {m.name: m for _, shelf in kept for m in shelf}
    materials |= {m.name: m for m in catalogue if m.material_class == "core"}
    return Stock(materials, weights, tuple(left_out))


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(fnmatchcase(name, pattern) for pattern in only)


def map_size(material: Material, config: MaterialsConfig, views: ViewsConfig) -> int:
    """Edge of the maps in pixels, a power of two: as fine as the images can show, at most ``config.map_size``.

    Cycles does not filter textures that are finer than the image; their texels would be noise.
    """
    focal = views.focal_mm / views.sensor_mm * views.resolution
    pixel = views.radius / focal * config.metres_per_radius
    texels = material.tile / pixel * config.texels_per_pixel
    return int(min(config.map_size, max(MIN_MAP_SIZE, 2 ** np.ceil(np.log2(texels)))))


@dataclass(frozen=True)
class Swatch:
    """A material of the library, its maps made and measured.

    style: its recipe, or the convention of its files; tile: edge of a repeat in metres; weight: of its draw among
    those of its class; colour: mean CIE L*a*b*; folder: of its maps, in the map cache.
    """

    name: str
    material_class: MaterialClass
    style: str
    tile: float
    finish: Finish
    weight: float
    colour: tuple[float, float, float]
    folder: str


@dataclass(frozen=True)
class Library:
    """Swatches with unique names: what can be worn, and the cores that show where a part is broken."""

    swatches: tuple[Swatch, ...]

    def __getitem__(self, name: str) -> Swatch:
        try:
            return self._by_name[name]
        except KeyError:
            raise PipelineError(f"no material {name!r} in the library of {len(self.swatches)}") from None

    def of_class(self, material_class: MaterialClass) -> tuple[Swatch, ...]:
        return self._by_class.get(material_class, ())

    @cached_property
    def _by_name(self) -> dict[str, Swatch]:
        return {swatch.name: swatch for swatch in self.swatches}

    @cached_property
    def _by_class(self) -> dict[MaterialClass, tuple[Swatch, ...]]:
        classes = {swatch.material_class for swatch in self.swatches}
        return {c: tuple(s for s in self.swatches if s.material_class == c) for c in classes}


def make_swatch(material: Material, weight: float, size: int, cache_dir: Path) -> Swatch:
    """Make the material's maps, unless they are there, and measure them. Raises UnitRejected as their source does."""
    colour = read_summary(ensure_maps(material, size, cache_dir)).colour
    folder = folder_name(material, size)
    style, finish = material.source.style, material.finish
    return Swatch(material.name, material.material_class, style, material.tile, finish, weight, colour, folder)


def make_library(
    config: MaterialsConfig, views: ViewsConfig, cache_dir: Path
) -> tuple[tuple[Swatch, ...], tuple[LeftOut, ...]]:
    """All swatches of ``take_stock``, in its order, made in this process, and what cannot be used."""
    stock = take_stock(config)
    swatches, left_out = [], list(stock.left_out)
    for name, material in stock.materials.items():
        try:
            weight = stock.weights.get(name, 0.0)
            swatches.append(make_swatch(material, weight, map_size(material, config, views), cache_dir))
        except UnitRejected as rejection:
            left_out.append(LeftOut(Path(name), rejection.message))
    return tuple(swatches), tuple(left_out)


_SWATCHES = TypeAdapter(tuple[Swatch, ...])


def save_library(path: Path, library: Library) -> None:
    """Write swatches as JSON, atomically."""
    write_json(path, _SWATCHES.dump_python(library.swatches, mode="json"))


def load_library(path: Path) -> Library:
    """Read what ``save_library`` wrote."""
    return Library(_SWATCHES.validate_python(read_json(path)))

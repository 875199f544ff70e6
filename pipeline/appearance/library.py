"""The run's library: every material that can be worn, measured and weighted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from materials.cache import ensure_maps, folder_name, read_summary
from materials.color import Lab
from materials.colours import known_colour
from materials.material import Finish, Material, MaterialClass
from materials.scans import UnusableSet
from pipeline.appearance.config import MaterialsConfig
from pipeline.appearance.stock import map_size, take_stock
from pipeline.errors import PipelineError, UnitRejected
from pipeline.files import write_json
from pipeline.typed_json import read_typed
from pipeline.views.config import ViewsConfig


@dataclass(frozen=True)
class Swatch:
    """A material of the library, measured.

    library: 0 for built-in ones, n for the n-th of the user's; style: its recipe, or the convention of its files;
    tile: edge of a repeat in metres; weight: of its draw among those of its class (and, before ``balanced``, of its
    library); colour: mean CIE L*a*b*; folder: of its maps, in the map cache.
    """

    name: str
    material_class: MaterialClass
    library: int
    style: str
    tile: float
    finish: Finish
    weight: float
    colour: Lab
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
    def worn_names(self) -> tuple[str, ...]:
        """Names of all that can be worn: of everything but cores."""
        return tuple(swatch.name for swatch in self.swatches if swatch.material_class != "core")

    @cached_property
    def _by_name(self) -> dict[str, Swatch]:
        return {swatch.name: swatch for swatch in self.swatches}

    @cached_property
    def _by_class(self) -> dict[MaterialClass, tuple[Swatch, ...]]:
        classes = {swatch.material_class for swatch in self.swatches}
        return {c: tuple(s for s in self.swatches if s.material_class == c) for c in classes}


def is_known(material: Material) -> bool:
    """Whether a material can be chosen before its maps are made: a built-in one. A user's set may turn out useless."""
    return known_colour(material) is not None


def make_swatch(material: Material, library: int, size: int, cache_dir: Path) -> Swatch:
    """Measure a material; one that is not known, by its maps, which are made unless they are there.

    Raises UnitRejected as their source does.
    """
    colour = known_colour(material)
    return Swatch(
        name=material.name,
        material_class=material.material_class,
        library=library,
        style=material.source.style,
        tile=material.tile,
        finish=material.finish,
        weight=material.weight,
        colour=colour or read_summary(ensure_maps(material, size, cache_dir)).colour,
        folder=folder_name(material, size),
    )


def balanced(swatches: Iterable[Swatch], config: MaterialsConfig) -> Library:
    """The library of ``swatches``: every library weighs as configured in each class that it has materials of."""
    swatches = tuple(swatches)
    weights = {0: config.builtin, **{n: library.weight for n, library in enumerate(config.libraries, 1)}}
    total: defaultdict[tuple[int, MaterialClass], float] = defaultdict(float)
    for swatch in swatches:
        total[swatch.library, swatch.material_class] += swatch.weight
    return Library(
        tuple(replace(s, weight=weights[s.library] * s.weight / total[s.library, s.material_class]) for s in swatches)
    )


def make_library(
    config: MaterialsConfig, views: ViewsConfig, cache_dir: Path
) -> tuple[Library, tuple[UnusableSet, ...]]:
    """All of ``take_stock``, in its order, with maps made in this process, and what cannot be used."""
    stock = take_stock(config)
    swatches, left_out = [], list(stock.left_out)
    for name, material in stock.materials.items():
        try:
            size = map_size(material, config, views)
            ensure_maps(material, size, cache_dir)
            swatches.append(make_swatch(material, stock.library[name], size, cache_dir))
        except UnitRejected as rejection:
            left_out.append(UnusableSet(Path(name), rejection.message))
    return balanced(swatches, config), tuple(left_out)


_SWATCHES = TypeAdapter(tuple[Swatch, ...])


def save_library(path: Path, library: Library) -> None:
    """Write swatches as JSON, atomically."""
    write_json(path, _SWATCHES.dump_python(library.swatches, mode="json"))


def load_library(path: Path) -> Library:
    """Read what ``save_library`` wrote. Raises PipelineError."""
    return Library(read_typed(path, _SWATCHES, "library", "move it away and run the library stage again"))

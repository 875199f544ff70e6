"""Makes a material of each set of maps in a folder."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from materials.material import Material, WornClass
from materials.scans.classes import DEFAULTS, Rule, Sidecar, class_by_words, load_rules, load_sidecar
from materials.scans.listing import YAML_SUFFIXES, Listing, MapFile, MapSet, list_sets, plain
from materials.scans.naming import NORMALS, MapKind
from materials.scans.source import Scan
from pipeline.errors import PipelineError, UnitRejected

RULES, SIDECAR = "classes", "material"
#: Letters of a name: files are called by it.
MAX_NAME = 80
#: Maps that tell roughness, the best first.
_ROUGHNESSES: tuple[MapKind, ...] = ("roughness", "packed", "metallic_roughness", "gloss", "specular_gloss", "alpha")
#: Maps that a material can do without: those that cannot be used are passed over.
_EXTRAS: tuple[MapKind, ...] = (
    "metallic",
    "specular",
    "height",
    "occlusion",
    "packed",
    "metallic_roughness",
    "specular_gloss",
)


@dataclass(frozen=True)
class UnusableSet:
    """A set that cannot be used: where it is and one clear line why."""

    where: Path
    reason: str


@dataclass(frozen=True)
class Found:
    """Materials by name, and what could not be used."""

    materials: tuple[Material, ...]
    left_out: tuple[UnusableSet, ...]


def scan_folder(folder: Path, prefix: str, material_class: WornClass | None = None, tile: float | None = None) -> Found:
    """Every set of maps under ``folder`` as a material named ``<prefix><set>``, sorted by name.

    ``material_class`` and ``tile`` (metres) hold for sets of which no file of the library says otherwise.
    PipelineError if there is no such folder or its ``classes.yaml`` is wrong.
    """
    if not folder.is_dir():
        raise PipelineError(f"{folder} is no folder; name the one that holds the texture sets")
    tables = tuple(path for suffix in YAML_SUFFIXES if (path := folder / f"{RULES}{suffix}").is_file())
    given = _Given(load_rules(_only(tables)) if tables else (), material_class, tile)
    listing = list_sets(folder)
    left_out = [UnusableSet(path, reason) for path, reason in listing.unlisted]
    load = cache(load_sidecar)  # one file may speak for thousands of sets
    sets, sidecars = [], []
    for found in listing.sets.values():
        try:
            sidecars.append(_sidecar(found, listing, load))
            sets.append(found)
        except PipelineError as error:
            left_out.append(UnusableSet(found.first.path, str(error)))
    names = _names([(sidecar.name or found.name, found.home) for found, sidecar in zip(sets, sidecars, strict=True)])
    materials = []
    for found, sidecar, name in zip(sets, sidecars, names, strict=True):
        try:
            materials.append(_material(prefix + name, found, sidecar, given, folder))
        except UnitRejected as error:
            left_out.append(UnusableSet(found.first.path, error.message))
    materials.sort(key=lambda material: material.name)
    return Found(tuple(materials), tuple(sorted(left_out, key=lambda item: (item.where, item.reason))))


@dataclass(frozen=True)
class _Given:
    """What holds for sets without a sidecar."""

    rules: Sequence[Rule]
    material_class: WornClass | None
    tile: float | None


def _material(name: str, found: MapSet, sidecar: Sidecar, given: _Given, root: Path) -> Material:
    rule = next((rule for rule in given.rules if rule.fits(found.home, found.name)), None)
    material_class = sidecar.material_class or (rule and rule.material_class) or given.material_class
    if material_class is None:
        material_class = class_by_words((found.name, *reversed(found.home.parts), root.resolve().name))
    if material_class is None:
        raise UnitRejected("class-unknown", f"class unknown; name it in {RULES}.yaml or a {SIDECAR}.yaml")
    tile = sidecar.tile or (rule and rule.tile) or given.tile or DEFAULTS[material_class].tile
    return Material(name, material_class, tile, sidecar.finish, _source(found, sidecar, material_class))


def _source(found: MapSet, sidecar: Sidecar, material_class: WornClass) -> Scan:
    base = found.best(("strip", "base_color"))
    if base is None:
        raise UnitRejected("no-base-color", f"{found.name} has no base colour; name it e.g. {found.name}_basecolor.png")
    # Who says that normals are DirectX's means the file that its name calls so, if there are several.
    normal = found.best(NORMALS[::-1] if sidecar.normal == "directx" else NORMALS)
    chosen = [base, normal, found.best(_ROUGHNESSES), *(_extra(found, kind) for kind in _EXTRAS)]
    layers = {m.name.kind: m.file for m in chosen if m is not None}
    directx = sidecar.normal == "directx" if sidecar.normal else "normal_dx" in layers
    return Scan(base.name.convention, material_class, tuple(sorted(layers.items())), directx)


def _extra(found: MapSet, kind: MapKind) -> MapFile | None:
    try:
        return found.best((kind,))
    except UnitRejected:
        return None


def _sidecar(found: MapSet, listing: Listing, load: Callable[[Path], Sidecar]) -> Sidecar:
    folders = (PurePosixPath(found.first.relative).parent, found.home)
    stems = (plain(found.name), SIDECAR)
    keys = [(folder, stem) for stem in stems for folder in folders]
    paths = next((listing.sidecars[key] for key in keys if key in listing.sidecars), ())
    return load(_only(paths)) if paths else Sidecar()


def _only(paths: Sequence[Path]) -> Path:
    """The one file that says something. PipelineError if there are others beside it that say it, too."""
    if len(paths) > 1:
        raise PipelineError(f"{paths[0]} and {', '.join(path.name for path in paths[1:])} are there; keep one of them")
    return paths[0]


def _names(wanted: Sequence[tuple[str, PurePosixPath]]) -> list[str]:
    """A unique name for each (name, folder): if others have it too, with its folder before it, then numbered."""
    names = [_identifier(name) for name, _ in wanted]
    count = Counter(names)
    for index, (name, home) in enumerate(wanted):
        if count[names[index]] > 1:
            names[index] = _identifier("_".join((*home.parts, name)))
    taken: set[str] = set()
    tried = Counter[str]()  # name -> the numbers after it that are taken
    for index in sorted(range(len(names)), key=lambda i: (str(wanted[i][1]), wanted[i][0])):
        name = names[index]
        while names[index] in taken:
            tried[name] += 1
            names[index] = f"{name}_{tried[name] + 1}"
        taken.add(names[index])
    return names


def _identifier(name: str) -> str:
    """Letters a to z, digits and single underscores, at most MAX_NAME: the end, which tells most."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")[-MAX_NAME:].strip("_") or "material"

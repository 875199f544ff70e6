"""Walks a folder once and sorts its images into sets by their names; opens none."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from materials.scans.naming import MapKind, MapName, parse, parse_compound, split_resolution
from materials.scans.source import File
from pipeline.errors import UnitRejected

#: Maps are small: a larger file than this costs time and shows nothing more.
ENOUGH_PIXELS = 1024
_LOSSLESS, _LOSSY = (".png", ".tif", ".tiff", ".bmp", ".tga"), (".jpg", ".jpeg", ".webp")
#: What can be found, but not read.
_UNREADABLE = (".exr", ".hdr", ".dds", ".psd")
_SUFFIXES = (*_LOSSLESS, *_LOSSY, *_UNREADABLE)
YAML_SUFFIXES = (".yaml", ".yml")
#: Folders that only divide one asset's files: they belong to their parent.
_INNER = re.compile(r"textures?|maps|png|jpe?g|tiff?|\d{1,2}k", re.IGNORECASE)


@dataclass(frozen=True)
class MapFile:
    """One file of a set, and what its name says."""

    name: MapName
    file: File

    @property
    def fault(self) -> str | None:
        """Why the file cannot be used, as far as can be told without opening it."""
        if self.file.size == 0:
            return f"{self.file.relative} is empty (0 bytes); replace it"
        suffix = self.file.path.suffix.lower()
        if suffix in _UNREADABLE:
            kind = suffix[1:].upper()
            return f"{self.file.relative} is {kind}, which cannot be read here; save it beside as a 16-bit PNG"
        return None

    @property
    def rank(self) -> tuple[int, int, int, bool, int, str]:
        """Of several files of one kind the one of the lowest rank is taken."""
        word, variant = self.name.preference
        side = self.name.resolution or 0
        lossy = self.file.path.suffix.lower() not in _LOSSLESS
        size = (0, side) if side >= ENOUGH_PIXELS else (1, -side)
        return (word, *size, lossy, variant, self.file.relative)


@dataclass
class MapSet:
    """Files of one material. ``home``: its folder, relative to the library; ``name`` as its files spell it."""

    home: PurePosixPath
    name: str
    maps: list[MapFile] = field(default_factory=list)

    @property
    def first(self) -> File:
        """The file that stands for the set."""
        return min(self.maps, key=lambda m: (m.name.kind not in ("base_color", "strip"), m.file.relative)).file

    def best(self, kinds: Sequence[MapKind]) -> MapFile | None:
        """The best file of the first of ``kinds`` that has one that can be used, or None if no name tells any.

        UnitRejected if there are such files and all are faulty.
        """
        maps = sorted((m for m in self.maps if m.name.kind in kinds), key=lambda m: (kinds.index(m.name.kind), m.rank))
        usable = [m for m in maps if m.fault is None]
        if maps and not usable:
            raise UnitRejected("map-unusable", str(maps[0].fault))
        return usable[0] if usable else None


@dataclass
class Listing:
    """What a folder and all below it hold. Sets and YAML files have the key (folder, ``plain`` name)."""

    root: Path
    sets: dict[tuple[PurePosixPath, str], MapSet] = field(default_factory=dict)
    sidecars: dict[tuple[PurePosixPath, str], list[Path]] = field(default_factory=dict)
    unlisted: list[tuple[Path, str]] = field(default_factory=list)


def list_sets(root: Path) -> Listing:
    """Walk ``root``; links are followed, hidden files and folders passed over."""
    listing = Listing(root)
    visited: set[tuple[int, int]] = set()
    pending = [PurePosixPath()]
    while pending:
        folder = pending.pop()
        path = root / folder
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in visited:  # a link back to where we were
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            pending += [folder / entry.name for entry in found if _visible(entry) and entry.is_dir()]
            _add_files([entry for entry in found if _visible(entry) and entry.is_file()], folder, listing)
        except OSError as error:
            listing.unlisted.append((path, f"cannot be listed: {error.strerror}"))
    return listing


def plain(name: str) -> str:
    """A name as it is compared: case and separators do not count."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _visible(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith((".", "__MACOSX"))


def _add_files(entries: Sequence[os.DirEntry[str]], folder: PurePosixPath, listing: Listing) -> None:
    images = []
    for entry in entries:
        path = listing.root / folder / entry.name
        suffix = path.suffix.lower()
        if suffix in YAML_SUFFIXES:
            listing.sidecars.setdefault((folder, plain(path.stem)), []).append(path)
        elif suffix in _SUFFIXES:
            status = entry.stat()
            images.append(File(path, str(folder / entry.name), status.st_size, status.st_mtime_ns))
    _group(images, folder, listing)


def _group(images: Sequence[File], folder: PurePosixPath, listing: Listing) -> None:
    """Sort a folder's images into sets. Where most names tell no map, and none a base colour, they are strips."""
    home = folder
    while _INNER.fullmatch(home.name):
        home = home.parent
    asset = home.name or listing.root.resolve().name
    asset = split_resolution(asset)[0] or asset
    size = split_resolution(folder.name)[1]
    names = _names([image.path.stem for image in images], asset)
    kinds = [name.kind for name in names if name]
    strips = 2 * len(kinds) < len(images) and "base_color" not in kinds
    nameless = []
    for image, name in zip(images, names, strict=True):
        if name is None and strips:
            name = MapName("strip", image.path.stem, "strip", None, (0, 0))
        if name is None:
            nameless.append(image)
        elif name.kind != "other":
            name = replace(name, resolution=name.resolution or size)
            found = listing.sets.setdefault((home, plain(name.set_name)), MapSet(home, name.set_name))
            found.maps.append(MapFile(name, image))
    _tell_nameless(nameless, {asset, *(name.set_name for name in names if name)}, listing)


def _names(stems: Sequence[str], asset: str) -> list[MapName | None]:
    """What the names of a folder's images say, each with a set: ``asset`` where they tell the map alone.

    Two words are one map's name where that map's set has a base colour: ``oak_metallicRoughness`` beside
    ``oak_baseColor``, but not beside ``oak_metallic_baseColor``.
    """

    def of_set(name: MapName | None) -> MapName | None:
        return name and replace(name, set_name=name.set_name or asset)

    names = [of_set(parse(stem)) for stem in stems]
    coloured = {plain(name.set_name) for name in names if name and name.kind == "base_color"}
    for index, stem in enumerate(stems):
        compound = of_set(parse_compound(stem))
        if compound and plain(compound.set_name) in coloured:
            names[index] = compound
    return names


def _tell_nameless(images: Sequence[File], sets: Collection[str], listing: Listing) -> None:
    """One line for those that are called like no set: others are previews of one."""
    known = {plain(name) for name in sets}
    lost = [image for image in images if plain(split_resolution(image.path.stem)[0]) not in known]
    if lost:
        more = f", as those of {len(lost) - 1} more images beside it" if len(lost) > 1 else ""
        reason = f"its name tells no map{more}: not used; name maps like <set>_basecolor.png, <set>_roughness.png"
        listing.unlisted.append((lost[0].path, reason))

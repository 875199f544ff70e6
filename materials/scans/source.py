"""A material's maps, read from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from materials.maps import Maps, check_size, encode
from materials.material import WornClass
from materials.scans.converting import convert, split_strip
from materials.scans.naming import MapKind
from materials.scans.reading import read

#: Raise when the code changes what it makes of the same files.
VERSION = 2


@dataclass(frozen=True)
class File:
    """A file as it was when its folder was listed; ``relative`` to the library, with slashes; ``size`` in bytes."""

    path: Path
    relative: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Scan:
    """A ``MapSource``: one file for each kind of map; ``directx``: the normal map's green points down."""

    convention: str
    material_class: WornClass
    layers: tuple[tuple[MapKind, File], ...]
    directx: bool

    @property
    def style(self) -> str:
        return self.convention

    @property
    def key(self) -> list[object]:
        files = [[kind, file.relative, file.size, file.mtime_ns] for kind, file in self.layers]
        return ["scan", VERSION, self.convention, self.material_class, self.directx, files]

    def maps(self, size: int) -> Maps:
        """Maps of ``size`` x ``size`` pixels.

        Raises UnitRejected, with the file's name, if the files cannot be used; PipelineError unless ``size`` is
        a power of two.
        """
        check_size(size)
        pictures = {kind: read(file.path) for kind, file in self.layers}
        layers = split_strip(pictures["strip"]) if "strip" in pictures else pictures
        tile = convert(layers, self.material_class, self.directx, size)
        return encode(tile.reduced(len(tile.height) // size))

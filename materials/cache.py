"""Maps as PNG files, made once and shared by every process that needs them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

from PIL import Image
from pydantic import TypeAdapter

from materials.color import Lab, mean_lab
from materials.maps import Maps
from materials.material import Material
from pipeline.files import atomic, write_json
from pipeline.typed_json import read_typed

#: Raise when the files change for the same maps.
VERSION = 3


@dataclass(frozen=True)
class MapFiles:
    """One PNG a map, as in ``materials.maps.Maps``."""

    base_color: Path
    roughness: Path
    metallic: Path
    normal: Path
    height: Path

    @property
    def summary(self) -> Path:
        """What was measured of them (``Summary``), as JSON; written last."""
        return self.base_color.with_name("summary.json")


@dataclass(frozen=True)
class Summary:
    """colour: mean CIE L*a*b* of the base colour; relief: what ``height`` spans, in tile edges."""

    colour: Lab
    relief: float


_SUMMARY = TypeAdapter(Summary)


def ensure_maps(material: Material, size: int, cache_dir: Path) -> MapFiles:
    """Files of the material's maps at ``size`` pixels, made unless they are all there.

    The folder's name (``folder_name``) carries the fingerprint of the maps' source, size and version. Each file
    appears by an atomic rename, and its bytes are the same whoever writes it, so processes need no lock. Raises
    UnitRejected where the source is a user's set that cannot be used.
    """
    files = map_files(cache_dir / folder_name(material, size))
    if not all(path.is_file() for path in (*astuple(files), files.summary)):
        _write(material.source.maps(size), files)
    return files


def read_summary(files: MapFiles) -> Summary:
    """What was measured of maps when they were made. Raises PipelineError where that is missing or damaged."""
    return read_typed(files.summary, _SUMMARY, "summary of maps", "remove its folder")


def folder_name(material: Material, size: int) -> str:
    """Name of the folder of the material's maps in a cache."""
    return f"{material.name}-{fingerprint(material, size)}"


def map_files(folder: Path) -> MapFiles:
    """The files in such a folder."""
    return MapFiles(*(folder / f"{field.name}.png" for field in fields(MapFiles)))


def fingerprint(material: Material, size: int) -> str:
    """16 hex digits of everything that decides the maps' pixels."""
    key = json.dumps([VERSION, material.source.key, size], sort_keys=True)
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def _write(maps: Maps, files: MapFiles) -> None:
    for field in fields(MapFiles):
        with atomic(getattr(files, field.name)) as temporary:
            Image.fromarray(getattr(maps, field.name)).save(temporary, compress_level=4)
    write_json(files.summary, asdict(Summary(mean_lab(maps.base_color), maps.relief)))

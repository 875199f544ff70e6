"""Maps as PNG files, synthesised once and shared by every process that needs them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from PIL import Image

from materials.catalogue import Material
from materials.maps import Maps
from materials.synthesis import synthesise
from pipeline.files import atomic

#: Raise when a recipe's code changes what it draws: old cache folders are then left behind.
VERSION = 1


@dataclass(frozen=True)
class MapFiles:
    """One PNG a map, as in ``materials.maps.Maps``."""

    base_color: Path
    roughness: Path
    metallic: Path
    normal: Path


def ensure_maps(material: Material, size: int, cache_dir: Path) -> MapFiles:
    """Files of the material's maps at ``size`` pixels, synthesised unless they are all there.

    The folder's name carries the fingerprint of recipe, parameters, size and version. Each file appears
    by an atomic rename, and its bytes are the same whoever writes it, so processes need no lock.
    """
    folder = cache_dir / f"{material.name}-{fingerprint(material, size)}"
    files = MapFiles(*(folder / f"{field.name}.png" for field in fields(MapFiles)))
    if not all(path.is_file() for path in astuple(files)):
        _write(synthesise(material, size), files)
    return files


def fingerprint(material: Material, size: int) -> str:
    """16 hex digits of everything that decides the maps' pixels."""
    key = [VERSION, material.name, material.recipe, dict(material.parameters), size]
    return hashlib.blake2b(json.dumps(key, sort_keys=True).encode(), digest_size=8).hexdigest()


def _write(maps: Maps, files: MapFiles) -> None:
    for field in fields(MapFiles):
        with atomic(getattr(files, field.name)) as temporary:
            Image.fromarray(getattr(maps, field.name)).save(temporary, compress_level=4)

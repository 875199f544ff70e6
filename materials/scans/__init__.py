"""Placeholder until the user's libraries are merged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from materials.material import Material, MaterialClass


@dataclass(frozen=True)
class LeftOut:
    where: Path
    reason: str


@dataclass(frozen=True)
class Found:
    materials: tuple[Material, ...]
    left_out: tuple[LeftOut, ...]


def scan_folder(
    folder: Path, prefix: str, material_class: MaterialClass | None = None, tile: float | None = None
) -> Found:
    return Found((), ())

"""Choosing what stands in for the white studio around the object: environments, backgrounds, floors."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn, TypeVar

import numpy as np

from pipeline.appearance.config import SurroundingsConfig
from pipeline.appearance.radiance_files import check_radiance_header
from pipeline.errors import PipelineError, UnitRejected
from pipeline.images import check_header
from pipeline.seeding import rng

PHOTOGRAPHS = (".jpeg", ".jpg", ".png")
ENVIRONMENTS = (".exr", ".hdr", *PHOTOGRAPHS)

T = TypeVar("T")


@dataclass(frozen=True)
class Environment:
    """An equirectangular image as the world. turn: degrees about the vertical; visible: whether the camera sees it."""

    file: str
    turn: float
    visible: bool


@dataclass(frozen=True)
class Surroundings:
    """What one image has in place of the white studio; what is None stays as it is there.

    background: a photograph's file; floor: a material's name.
    """

    environment: Environment | None = None
    background: str | None = None
    floor: str | None = None

    @property
    def fill_image(self) -> bool:
        """Whether something else than white reaches the image's border."""
        seen = self.environment is not None and self.environment.visible
        return seen or self.background is not None or self.floor is not None


@dataclass(frozen=True)
class Scenery:
    """What surroundings are chosen from: files, sorted, and patterns of materials' names."""

    config: SurroundingsConfig
    environments: tuple[Path, ...]
    backgrounds: tuple[Path, ...]

    @property
    def fingerprint(self) -> list[list[object]]:
        """Name, size in bytes and time of change of every file."""
        files = [(path, path.stat()) for path in (*self.environments, *self.backgrounds)]
        return [[str(path), status.st_size, status.st_mtime_ns] for path, status in files]

    def check(self) -> None:
        """Read the images' headers. PipelineError for what is no image, or too large a one: it names the first."""
        for setting, images in (("environments", self.environments), ("backgrounds", self.backgrounds)):
            faults = list(_faults(images))
            if faults:
                more = f" ({len(faults) - 1} more are no better)" if len(faults) > 1 else ""
                raise PipelineError(f"render.surroundings.{setting}: {faults[0]}, or take it out of the folder{more}")

    def choose(self, floors: Sequence[str], seed: int, shape_id: str, view: str) -> Surroundings:
        """The surroundings of the image named ``view``; ``floors``: names of the materials of ``find_floors``."""
        # All are drawn whatever is used, so that one setting leaves the others' choices alone.
        lit, seen, light, other, turn = rng(seed, "surroundings", shape_id, view).random(5)
        sees_environment, has_background, has_floor = (
            low <= seen < high for low, high in _slices(self.config.seen_shares)
        )
        lights = sees_environment if self.config.environment_visible else lit < self.config.environment_share
        return Surroundings(
            environment=Environment(str(_pick(self.environments, light)), 360.0 * turn, sees_environment)
            if self.environments and lights
            else None,
            background=str(_pick(self.backgrounds, other)) if has_background else None,
            floor=_pick(floors, other) if has_floor else None,
        )


def take_scenery(config: SurroundingsConfig) -> Scenery:
    """List the configured folders, in any depth; no image is opened. PipelineError for one that has none to use."""
    return Scenery(
        config,
        _images("environments", config.environments, ENVIRONMENTS),
        _images("backgrounds", config.backgrounds, PHOTOGRAPHS),
    )


def find_floors(patterns: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    """Those of the materials' ``names`` that a pattern fits, sorted. PipelineError for a pattern that fits none."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise PipelineError(
                f"render.surroundings.floor: no material that may be worn is called {pattern!r}, of {len(names)}; "
                "l3d-data materials shows them all, and materials.only leaves out what it does not name"
            )
    return tuple(sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)))


def _images(setting: str, folder: str | None, suffixes: Collection[str]) -> tuple[Path, ...]:
    """Files with one of the suffixes under ``folder``, absolute and sorted; hidden ones are passed over."""
    if folder is None:
        return ()

    def refuse(error: OSError) -> NoReturn:
        raise PipelineError(f"render.surroundings.{setting}: {error.filename} cannot be read: {error.strerror}")

    walk = os.walk(Path(folder).resolve(), onerror=refuse)
    found = (Path(place, name) for place, _, names in walk for name in names if not name.startswith("."))
    images = tuple(sorted(path for path in found if path.suffix.lower() in suffixes and path.is_file()))
    if not images:
        raise PipelineError(f"render.surroundings.{setting}: {folder} holds no image ({', '.join(suffixes)})")
    return images


def _faults(images: Sequence[Path]) -> Iterator[str]:
    for path in images:
        try:
            if path.suffix.lower() in PHOTOGRAPHS:
                check_header(path, "image")
            else:
                check_radiance_header(path)
        except UnitRejected as error:
            yield error.message


def _slices(shares: Sequence[float]) -> list[tuple[float, float]]:
    """[low, high) of each share, one after the other from 0."""
    ends = np.cumsum(shares).tolist()
    return list(zip([0.0, *ends], ends, strict=False))


def _pick(items: Sequence[T], draw: float) -> T:
    """The item at ``draw``, uniform in [0, 1)."""
    return items[int(draw * len(items))]

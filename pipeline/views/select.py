"""Choosing query views: look before you trace. Only views in which the anomaly shows are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.config import ViewsConfig
from pipeline.geometry.cameras import Camera
from pipeline.geometry.raycast import RayImage, RayScene
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, flatten
from pipeline.views.cameras import orbit_camera
from pipeline.views.visibility import (
    Masks,
    bounding_box,
    changed_pixels,
    make_masks,
    touches_frame,
    visible_share,
)

#: Name under which views of the intact shape are kept and counted.
NORMAL = "normal"


@dataclass(frozen=True)
class View:
    """One query image before it is drawn.

    name: the published file stem; anomaly: ``Anomaly.name`` or ``normal``; angles in degrees;
    bbox: (x, y, width, height) in pixels, half-open, zeros for normal; image and masks from rays.
    """

    name: str
    anomaly: str
    azimuth: float
    elevation: float
    light: int
    texture: int
    bbox: tuple[int, int, int, int]
    visible_share: float
    changed_pixels: int
    camera: Camera
    image: RayImage
    masks: Masks


@dataclass(frozen=True)
class Selection:
    """Kept views, and for every anomaly (or ``normal``) how many cameras were refused and why."""

    views: tuple[View, ...]
    refused: Mapping[str, Counter[str]]


@dataclass(frozen=True)
class _Variant:
    """The shape with one anomaly (or none), ready for ray casting."""

    name: str
    target: tuple[int, ...]
    scene: RayScene
    alone: RayScene | None
    missing: bool


class ViewSelector:
    """Selects the views of one shape; holds its intact ray scene."""

    def __init__(self, shape: Shape, config: ViewsConfig, seed: int) -> None:
        self._shape = shape
        self._config = config
        self._seed = seed
        self._intact = RayScene(flatten(part_meshes(shape, None)))
        self._names: set[str] = set()

    def select(self, anomalies: Sequence[Anomaly], wanted: Mapping[str, int]) -> Selection:
        """Select ``wanted[name]`` views for each anomaly and for ``normal``, fewer where fewer pass."""
        views: list[View] = []
        refused: dict[str, Counter[str]] = {}
        for variant in (_Variant(NORMAL, (), self._intact, None, False), *map(self._variant, anomalies)):
            kept, reasons = self._select_variant(variant, wanted.get(variant.name, 0))
            views += kept
            refused[variant.name] = reasons
        return Selection(tuple(views), refused)

    def _variant(self, anomaly: Anomaly) -> _Variant:
        meshes = part_meshes(self._shape, anomaly)
        missing = all(mesh is None for mesh in anomaly.replaced.values())
        shown = part_meshes(self._shape, None) if missing else meshes
        alone = RayScene(flatten((i, m) for i, m in shown if i in anomaly.target))
        return _Variant(anomaly.name, anomaly.target, RayScene(flatten(meshes)), alone, missing)

    def _select_variant(self, variant: _Variant, wanted: int) -> tuple[list[View], Counter[str]]:
        generator = rng(self._seed, "views", self._shape.shape_id, variant.name)
        kept: list[View] = []
        reasons: Counter[str] = Counter()
        for step in generator.permutation(self._config.azimuths):
            if len(kept) == wanted:
                break
            azimuth = float(step) * 360.0 / self._config.azimuths
            outcome = self._try(variant, azimuth, float(generator.uniform(*self._config.elevation_degrees)), generator)
            if isinstance(outcome, View):
                kept.append(outcome)
            else:
                reasons[outcome] += 1
        return kept, reasons

    def _try(self, variant: _Variant, azimuth: float, elevation: float, generator: np.random.Generator) -> View | str:
        """The view, or the reason why it is refused."""
        camera = orbit_camera(self._config, azimuth, elevation)
        intact = self._intact.render(camera)
        image = variant.scene.render(camera) if variant.target else intact
        masks = make_masks(intact, image, variant.target)
        if touches_frame(masks.object) or touches_frame(masks.object_normal):
            return "cut-by-frame"
        changed, share, box = 0, 0.0, (0, 0, 0, 0)
        if variant.alone is not None:
            changed = changed_pixels(intact, image)
            if changed < self._config.min_changed_pixels * (self._config.resolution / 256) ** 2:
                return "too-few-changed-pixels"
            share = visible_share(intact if variant.missing else image, variant.alone.render(camera), variant.target)
            if share < self._config.min_visible_share:
                return "part-hidden"
            box = bounding_box(masks.old if variant.missing else masks.new)
        light = int(generator.integers(self._config.lights))
        named = self._name(variant, azimuth, elevation, light, generator)
        if named is None:
            return "no-free-name"
        texture, name = named
        return View(name, variant.name, azimuth, elevation, light, texture, box, share, changed, camera, image, masks)

    def _name(
        self, variant: _Variant, azimuth: float, elevation: float, light: int, generator: np.random.Generator
    ) -> tuple[int, str] | None:
        """Draw a texture id whose published file stem is new in this shape; None if a hundred are taken."""
        label = "anomaly" if variant.target else NORMAL
        for _ in range(100):
            texture = int(generator.integers(self._config.max_texture_id))
            place = f"{self._config.radius:g}_{azimuth:.0f}_{elevation:.0f}_{light}"
            name = f"render_{self._shape.shape_id}_{texture}_{place}_{label}"
            if name not in self._names:
                self._names.add(name)
                return texture, name
        return None

"""Choosing query views: look before you trace. Only views in which every anomaly shows are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np

from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.errors import PipelineError
from pipeline.format.boxes import bounding_box, mask_iou
from pipeline.format.cameras import Camera
from pipeline.format.labels import NORMAL, variant_name
from pipeline.geometry.raycast import RayImage, RayScene
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, flatten
from pipeline.views.cameras import query_camera
from pipeline.views.config import ViewsConfig
from pipeline.views.visibility import Mark, Mask, changed, object_mask, part_mask, touches_frame, visible_share

#: Anomalies that one image shows together (none: the intact shape), and how many such views are wanted.
Wanted = tuple[Sequence[Anomaly], int]


@dataclass(frozen=True)
class View:
    """One query image before it is drawn.

    name: the published file stem; marks: one for each anomaly, none for normal; angles in degrees;
    radius: distance of the camera from the origin;
    image and masks from rays: the object as the image shows it, and the intact object (H, W), 0 or 255.
    """

    name: str
    marks: tuple[Mark, ...]
    azimuth: float
    elevation: float
    radius: float
    light: int
    texture: int
    camera: Camera
    image: RayImage
    object_mask: Mask
    object_mask_normal: Mask

    @property
    def variant(self) -> str:
        """Name of the shape as this view shows it (``variant_name``)."""
        return variant_name(mark.anomaly for mark in self.marks)


@dataclass(frozen=True)
class Selection:
    """Kept views, and for every variant (by ``variant_name``) how many cameras were refused and why."""

    views: tuple[View, ...]
    refused: Mapping[str, Counter[str]]


@dataclass(frozen=True)
class _Shown:
    """One anomaly of a variant. only: the shape with this anomaly and no other; without: with all others;
    part: its target by itself, as it is in the variant, or as it was where nothing of it is left."""

    anomaly: Anomaly
    only: RayScene
    without: RayScene
    part: RayScene


@dataclass(frozen=True)
class _Variant:
    """The shape with some anomalies (or none), ready for ray casting."""

    name: str
    scene: RayScene
    shown: tuple[_Shown, ...]


class ViewSelector:
    """Selects the views of one shape; holds its intact ray scene.

    A view is refused if it cuts the object off, as it is or intact, or if one of its anomalies does not
    show. Pixels count for an anomaly where it changes the image by itself (the shape with it alone against
    the intact shape) and beside the others (the shape with all against all but this one); of a single
    anomaly both are the same. ``min_changed_pixels`` must change, and at least ``min_visible_share`` of the
    pixels that the part has by itself must be left visible by the rest of the shape in the view; for a
    missing part, of those that it had in the intact shape and would have beside the other anomalies. The
    part's pixels now and before must not have a larger IoU than ``max_mask_iou``, unless as many as
    ``min_inner_changed_pixels`` changed: a dent or a cavity leaves the outline alone and shows all the same.
    A change of surface moves no ray: there the part's visible pixels count as changed.
    """

    def __init__(self, shape: Shape, config: ViewsConfig, seed: int) -> None:
        self._shape = shape
        self._config = config
        self._seed = seed
        self._intact = RayScene(flatten(part_meshes(shape)))

    def select(self, variants: Sequence[Wanted]) -> Selection:
        """Select the wanted number of views of each variant, fewer where fewer pass, in the order given.

        Cameras and lights of a variant depend on nothing else, and fewer wanted views are the first of
        more. So do textures, but where two views of the shape would have one name.
        """
        views: list[View] = []
        refused: dict[str, Counter[str]] = {}
        for name, kept, reasons in self._views(variants):
            views += kept
            refused[name] = reasons
        return Selection(tuple(views), refused)

    def look(self, variants: Sequence[Wanted]) -> dict[str, int]:
        """How many views ``select`` gives of each of the same variants, by ``variant_name``; keeps no view."""
        return {name: sum(1 for _ in kept) for name, kept, _ in self._views(variants)}

    def _views(self, variants: Sequence[Wanted]) -> Iterator[tuple[str, Iterator[View], Counter[str]]]:
        """Each variant's name, its views as they are found, and the refusals on the way, by reason."""
        taken: set[str] = set()
        for anomalies, wanted in variants:
            reasons: Counter[str] = Counter()
            passing = self._with_free_names(self._passing(anomalies, reasons), taken, reasons)
            yield variant_name(a.name for a in anomalies), islice(passing, wanted), reasons

    def _variant(self, anomalies: Sequence[Anomaly]) -> _Variant:
        targets = Counter(part for anomaly in anomalies for part in anomaly.target)
        for part, count in targets.items():
            if count > 1:
                name = variant_name(a.name for a in anomalies)
                raise PipelineError(f"{name}: {count} anomalies act on part {part}, at most one can")
        by_name = {anomaly.name: anomaly for anomaly in anomalies}

        @cache
        def scene(*names: str) -> RayScene:
            with_these = [by_name[name] for name in names]
            return RayScene(flatten(part_meshes(self._shape, with_these))) if names else self._intact

        # A change of surface leaves the scene as it is.
        names = [anomaly.name for anomaly in anomalies if anomaly.replaced]
        shown = tuple(
            _Shown(
                anomaly,
                only=scene(*(name for name in names if name == anomaly.name)),
                without=scene(*(name for name in names if name != anomaly.name)),
                part=self._part(anomaly),
            )
            for anomaly in anomalies
        )
        return _Variant(variant_name(a.name for a in anomalies), scene(*names), shown)

    def _part(self, anomaly: Anomaly) -> RayScene:
        meshes, own = part_meshes(self._shape, () if anomaly.is_missing else (anomaly,)), set(anomaly.target)
        return RayScene(flatten((i, mesh) for i, mesh in meshes if i in own))

    def _passing(self, anomalies: Sequence[Anomaly], reasons: Counter[str]) -> Iterator[View]:
        """Views that pass, camera by camera; ``reasons`` counts those that do not."""
        variant = self._variant(anomalies)
        generator = rng(self._seed, "views", self._shape.shape_id, variant.name)
        for step in generator.permutation(self._config.azimuths):
            outcome = self._try(variant, int(step), generator)
            if isinstance(outcome, View):
                yield outcome
            else:
                reasons[outcome] += 1

    def _with_free_names(self, views: Iterator[View], taken: set[str], reasons: Counter[str]) -> Iterator[View]:
        """The views with published file stems that are new in this shape."""
        for view in views:
            named = self._named(view, taken)
            if named is None:
                reasons["no-free-name"] += 1
            else:
                taken.add(named.name)
                yield named

    def _named(self, view: View, taken: Collection[str]) -> View | None:
        """The view with its file stem, and with the next texture id whose stem is free; None if none is."""
        place = f"{view.radius:g}_{view.azimuth:.0f}_{view.elevation:.0f}_{view.light}"
        label = "anomaly" if view.marks else NORMAL
        for i in range(self._config.max_texture_id):
            texture = (view.texture + i) % self._config.max_texture_id
            name = f"render_{self._shape.shape_id}_{texture}_{place}_{label}"
            if name not in taken:
                return replace(view, name=name, texture=texture)
        return None

    def _try(self, variant: _Variant, step: int, generator: np.random.Generator) -> View | str:
        """The view at one of the azimuths, still without a name, or the reason why it is refused."""
        azimuth = step * 360.0 / self._config.azimuths
        elevation = float(generator.uniform(*self._config.elevation_degrees))
        # A generator of its own: what is drawn of elevations and lights does not depend on the variety.
        variety = rng(self._seed, "views", self._shape.shape_id, variant.name, "variety", step)
        camera, radius = query_camera(self._config, azimuth, elevation, variety)
        render = cache(lambda scene: scene.render(camera))  # scenes of a variant may be one and the same
        image = render(variant.scene)
        now, before = object_mask(image), object_mask(render(self._intact))
        if touches_frame(now) or touches_frame(before):
            return "cut-by-frame"
        marks = []
        for shown in variant.shown:
            mark = self._mark(shown, image, render)
            if isinstance(mark, str):
                return mark
            marks.append(mark)
        light = int(generator.integers(self._config.lights))
        texture = int(generator.integers(self._config.max_texture_id))
        return View("", tuple(marks), azimuth, elevation, radius, light, texture, camera, image, now, before)

    def _mark(self, shown: _Shown, image: RayImage, render: Callable[[RayScene], RayImage]) -> Mark | str:
        """What ``image`` shows of one anomaly, or the reason why that is not enough."""
        anomaly = shown.anomaly
        surface_only = anomaly.surface is not None
        intact, without = render(self._intact), render(shown.without)
        new, old = part_mask(image, anomaly.target), part_mask(intact, anomaly.target)
        changes = new > 0 if surface_only else changed(intact, render(shown.only)) & changed(without, image)
        count = int(changes.sum())
        area = (self._config.resolution / 256) ** 2
        if count < self._config.min_changed_pixels * area:
            return "too-few-changed-pixels"
        seen = old & part_mask(without, anomaly.target) if anomaly.is_missing else new
        share = visible_share(seen, render(shown.part))
        if share < self._config.min_visible_share:
            return "part-hidden"
        inner = surface_only or count >= self._config.min_inner_changed_pixels * area
        if not inner and mask_iou(new, old) > self._config.max_mask_iou:
            return "masks-alike"
        box = bounding_box(old if anomaly.is_missing else new)
        return Mark(anomaly.name, box, share, count, new, old, surface_only)

"""The job file: everything Blender needs to draw one shape's images, and nothing else.

Its reader is ``blender_scripts/render.py``, which imports nothing from here: the file is the contract.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from materials.cache import MapFiles
from materials.material import Finish
from pipeline.anomalies.anomaly import Anomaly, Effect, part_meshes
from pipeline.anomalies.intact_surface import find_intact_surface
from pipeline.anomalies.kind import find_kind
from pipeline.appearance.surroundings import Surroundings
from pipeline.format.labels import NORMAL, variant_name
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.devices import CPU, Device
from pipeline.rendering.region import Ground, Region, ground_under, object_region, shadow_region, whole_image
from pipeline.shapes.shape import Part, Shape
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import ReferenceViews
from pipeline.views.select import View
from pipeline.views.visibility import Mask

VERSION = 3
#: The effect that Blender sees as another material of the query, not as an effect on a surface.
OTHER_MATERIAL: Effect = "other material"


@dataclass(frozen=True)
class Surface:
    """One material for Blender: its map files, the edge of a tile in object radii, its finish.

    core: name of the material that shows where a part that wears this one is broken; None for itself.
    """

    maps: MapFiles
    tile_size: float
    finish: Finish = field(default_factory=Finish)
    core: str | None = None


@dataclass(frozen=True)
class Job:
    """What to draw of one shape.

    anomalies: all that the views show, and maybe more. textures: texture id -> part id -> material name.
    surfaces: material name -> files, of cores too. overrides: (texture id, ``Anomaly.name``) -> part id -> the name
    of the other material that an anomaly gives it. counterfactuals: names of the views that are drawn once more on the
    intact shape, in the same light and in the materials that it would wear. surroundings: name of a view -> what is
    around the object in it, by itself and on the intact shape; the white studio where none is given. ``surfaces`` has
    the floors' materials too. blends: name of a view -> the file in which its scene is kept.
    """

    shape: Shape
    anomalies: Sequence[Anomaly]
    views: Sequence[View]
    reference: ReferenceViews
    textures: Mapping[int, Mapping[int, str]]
    surfaces: Mapping[str, Surface]
    overrides: Mapping[tuple[int, str], Mapping[int, str]] = field(default_factory=dict)
    counterfactuals: Collection[str] = ()
    surroundings: Mapping[str, Surroundings] = field(default_factory=dict)
    blends: Mapping[str, Path] = field(default_factory=dict)


def write_job(
    folder: Path, job: Job, views: ViewsConfig, render: RenderConfig, threads: int, device: Device = CPU
) -> Path:
    """Write ``meshes.npz`` and ``job.json`` into ``folder`` and return the latter's path.

    ``device`` and ``threads`` (of the CPU) are what Blender may use.
    """
    by_name = {anomaly.name: anomaly for anomaly in job.anomalies}
    shown = [[by_name[mark.anomaly] for mark in view.marks] for view in job.views]
    meshes = _Meshes()
    variants = {
        name: _variant(job.shape, anomalies, meshes)
        # The reference views show the intact shape.
        for name, anomalies in {NORMAL: [], **{variant_name(x.name for x in a): a for a in shown}}.items()
    }
    mesh_path = folder / "meshes.npz"
    np.savez(mesh_path, **meshes.arrays)
    content = {
        "version": VERSION,
        "meshes": str(mesh_path),
        "origins": meshes.origins,
        "variants": {name: asdict(variant) for name, variant in variants.items()},
        "materials": {name: _files(surface) for name, surface in job.surfaces.items()},
        "queries": [_query(view, anomalies, job, variants) for view, anomalies in zip(job.views, shown, strict=True)],
        "references": [
            _camera(K, world_to_camera, object_region(part_ids))
            for K, world_to_camera, part_ids in zip(
                job.reference.K, job.reference.world_to_camera, job.reference.part_ids, strict=True
            )
        ],
        "settings": {
            "resolution": views.resolution,
            "samples": render.samples,
            "counterfactual_samples": render.counterfactual_samples or render.samples,
            "reference_samples": render.reference_samples,
            "denoise": render.denoise,
            "device": asdict(device),
            "threads": threads,
        },
    }
    path = folder / "job.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


class _Meshes:
    """What the job's variants are made of, each mesh once; ``origins``: a changed part's mesh -> the intact one's."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.origins: dict[str, str] = {}

    def intact(self, part: Part) -> str:
        """Name of an intact part's mesh."""
        name = f"{NORMAL}-{part.part_id:03d}"
        self._add(name, part.mesh)
        return name

    def changed(self, part: Part, mesh: trimesh.Trimesh, anomaly: Anomaly) -> str:
        """Name of the mesh that an anomaly gives a part, stored with its origin on the intact one, if it has one."""
        name = f"{anomaly.name}-{part.part_id:03d}"
        if self._add(name, mesh):
            under = find_intact_surface(part.mesh, mesh, anomaly.parameters, find_kind(anomaly.type).cuts)
            if under:
                self.arrays |= {f"{name}/origin": under.faces, f"{name}/corners": under.corners}
                self.origins[name] = self.intact(part)
        return name

    def vertices(self, name: str) -> NDArray[np.float64]:
        """(n, 3) vertices of a mesh."""
        return self.arrays[f"{name}/vertices"]

    def _add(self, name: str, mesh: trimesh.Trimesh) -> bool:
        """Whether it is new."""
        if f"{name}/vertices" in self.arrays:
            return False
        self.arrays |= {f"{name}/vertices": np.asarray(mesh.vertices), f"{name}/faces": np.asarray(mesh.faces)}
        return True


@dataclass(frozen=True)
class _Variant:
    """The shape with some anomalies: the mesh of each part, the ground, part id -> effect on its surface."""

    parts: Sequence[tuple[int, str]]
    ground: Ground
    effects: Mapping[str, Mapping[str, Any]]


def _variant(shape: Shape, anomalies: Sequence[Anomaly], meshes: _Meshes) -> _Variant:
    owner = {part_id: anomaly for anomaly in anomalies for part_id in anomaly.replaced}
    parts: list[tuple[int, str]] = []
    for part_id, mesh in part_meshes(shape, anomalies):
        part, anomaly = shape.part(part_id), owner.get(part_id)
        parts.append((part_id, meshes.changed(part, mesh, anomaly) if anomaly else meshes.intact(part)))
    # The ground touches the lowest vertex of the variant, so that a lowered part does not sink into it.
    ground = ground_under(meshes.vertices(name) for _, name in parts)
    effects = {
        str(part_id): {key: value for key, value in asdict(anomaly.surface).items() if key != "choice"}
        for anomaly in anomalies
        if anomaly.surface and anomaly.surface.effect != OTHER_MATERIAL
        for part_id in anomaly.target
    }
    return _Variant(parts, ground, effects)


def _query(view: View, anomalies: Sequence[Anomaly], job: Job, variants: Mapping[str, _Variant]) -> dict[str, Any]:
    intact = job.textures[view.texture]
    worn = dict(intact)
    for anomaly in anomalies:
        worn |= job.overrides.get((view.texture, anomaly.name), {})
    around = job.surroundings.get(view.name, Surroundings())

    def region(variant: str, mask: Mask) -> Region:
        if around.fill_image:
            return whole_image(view.camera.resolution)
        return shadow_region(view.camera, variants[variant].ground, mask)

    counterfactual = {"materials": _materials(intact), "region": region(NORMAL, view.object_mask_normal)}
    return {
        "variant": view.variant,
        "light": view.light,
        "materials": _materials(worn),
        **({"counterfactual": counterfactual} if view.name in job.counterfactuals else {}),
        **({"surroundings": _given(around)} if around != Surroundings() else {}),
        **({"blend": str(job.blends[view.name])} if view.name in job.blends else {}),
        **_camera(view.camera.K, view.camera.world_to_camera, region(view.variant, view.object_mask)),
    }


def _given(around: Surroundings) -> dict[str, Any]:
    """What there is in place of the white studio, and whether it fills the image to its border."""
    given = {name: value for name, value in asdict(around).items() if value is not None}
    return {**given, "fill_image": around.fill_image}


def _materials(by_part: Mapping[int, str]) -> dict[str, str]:
    return {str(part_id): name for part_id, name in by_part.items()}


def _files(surface: Surface) -> dict[str, Any]:
    maps = {field.name: str(getattr(surface.maps, field.name).resolve()) for field in fields(surface.maps)}
    core = {"core": surface.core} if surface.core else {}
    return {**maps, "tile_size": surface.tile_size, "finish": surface.finish.model_dump(), **core}


def _camera(K: NDArray[np.float64], world_to_camera: NDArray[np.float64], region: Region) -> Any:
    return {"K": K.tolist(), "world_to_camera": world_to_camera.tolist(), "region": region}

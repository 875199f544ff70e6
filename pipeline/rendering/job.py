"""The job file: everything Blender needs to draw one shape's images, and nothing else.

Its reader is ``blender_scripts/render.py``, which imports nothing from here: the file is the contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from materials.cache import MapFiles
from pipeline.anomalies.anomaly import NORMAL, Anomaly, Effect, part_meshes, variant_name
from pipeline.config import RenderConfig, ViewsConfig
from pipeline.shapes.shape import Shape
from pipeline.views.reference import ReferenceViews
from pipeline.views.select import View
from pipeline.views.visibility import bounding_box

VERSION = 1
#: The effect that Blender sees as another material of the query, not as an effect on a surface.
OTHER_MATERIAL: Effect = "other material"


@dataclass(frozen=True)
class Surface:
    """One material for Blender: its map files, and the edge of a tile in object radii."""

    maps: MapFiles
    tile_size: float


@dataclass(frozen=True)
class Job:
    """What to draw of one shape.

    anomalies: all that the views show, and maybe more. textures: texture id -> part id -> material name.
    surfaces: material name -> files. overrides: (texture id, ``Anomaly.name``) -> part id -> the name of the
    other material that an anomaly of appearance gives it.
    """

    shape: Shape
    anomalies: Sequence[Anomaly]
    views: Sequence[View]
    reference: ReferenceViews
    textures: Mapping[int, Mapping[int, str]]
    surfaces: Mapping[str, Surface]
    overrides: Mapping[tuple[int, str], Mapping[int, str]] = field(default_factory=dict)


def write_job(folder: Path, job: Job, views: ViewsConfig, render: RenderConfig, threads: int) -> Path:
    """Write ``meshes.npz`` and ``job.json`` into ``folder`` and return the latter's path."""
    by_name = {anomaly.name: anomaly for anomaly in job.anomalies}
    shown = [[by_name[mark.anomaly] for mark in view.marks] for view in job.views]
    meshes: dict[str, np.ndarray[Any, Any]] = {}
    variants = {
        name: _variant(job.shape, anomalies, meshes)
        # The reference views show the intact shape.
        for name, anomalies in {NORMAL: [], **{variant_name(a): a for a in shown}}.items()
    }
    mesh_path = folder / "meshes.npz"
    np.savez(mesh_path, **meshes)
    content = {
        "version": VERSION,
        "meshes": str(mesh_path),
        "variants": variants,
        "materials": {name: _files(surface) for name, surface in job.surfaces.items()},
        "queries": [_query(view, anomalies, job) for view, anomalies in zip(job.views, shown, strict=True)],
        "references": [
            _camera(*row)
            for row in zip(job.reference.K, job.reference.world_to_camera, job.reference.part_ids, strict=True)
        ],
        "settings": {
            "resolution": views.resolution,
            "samples": render.samples,
            "reference_samples": render.reference_samples,
            "denoise": render.denoise,
            "device": render.device,
            "threads": threads,
        },
    }
    path = folder / "job.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _variant(shape: Shape, anomalies: Sequence[Anomaly], meshes: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """The shape with these anomalies: which mesh each part has, where the ground is, what its surfaces show.

    Adds vertices and faces to ``meshes``, once for all variants that share them.
    """
    owner = {part_id: anomaly.name for anomaly in anomalies for part_id in anomaly.replaced}
    parts = []
    for part_id, mesh in part_meshes(shape, anomalies):
        name = f"{owner.get(part_id, NORMAL)}-{part_id:03d}"
        meshes[f"{name}/vertices"] = np.asarray(mesh.vertices)
        meshes[f"{name}/faces"] = np.asarray(mesh.faces)
        parts.append([part_id, name])
    # The ground touches the lowest vertex of the variant, so that a lowered part does not sink into it.
    lowest = min(float(meshes[f"{name}/vertices"][:, 1].min()) for _, name in parts)
    effects = {
        str(part_id): {key: value for key, value in asdict(anomaly.appearance).items() if key != "choice"}
        for anomaly in anomalies
        if anomaly.appearance and anomaly.appearance.effect != OTHER_MATERIAL
        for part_id in anomaly.target
    }
    return {"parts": parts, "ground": lowest, "effects": effects}


def _query(view: View, anomalies: Sequence[Anomaly], job: Job) -> dict[str, Any]:
    """One query. ``plain``: to be drawn a second time without effects and with ``plain_materials``, where given."""
    plain = _materials(job.textures[view.texture])
    others = [a.name for a in anomalies if a.appearance and a.appearance.effect == OTHER_MATERIAL]
    override = {part: name for other in others for part, name in job.overrides[view.texture, other].items()}
    return {
        "variant": view.variant,
        "light": view.light,
        "materials": plain | _materials(override),
        **({"plain": True} if any(anomaly.appearance for anomaly in anomalies) else {}),
        **({"plain_materials": plain} if override else {}),
        **_camera(view.camera.K, view.camera.world_to_camera, view.image.part_ids),
    }


def _materials(by_part: Mapping[int, str]) -> dict[str, str]:
    return {str(part_id): name for part_id, name in by_part.items()}


def _files(surface: Surface) -> dict[str, Any]:
    maps = {field.name: str(getattr(surface.maps, field.name).resolve()) for field in fields(surface.maps)}
    return {**maps, "tile_size": surface.tile_size}


def _camera(K: NDArray[np.float64], world_to_camera: NDArray[np.float64], part_ids: NDArray[np.uint16]) -> Any:
    x, y, width, height = bounding_box(part_ids)
    return {"K": K.tolist(), "world_to_camera": world_to_camera.tolist(), "box": [x, y, x + width, y + height]}

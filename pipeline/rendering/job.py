"""The job file: everything Blender needs to draw one shape's images, and nothing else.

Its reader is ``blender_scripts/render.py``, which imports nothing from here: the file is the contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from materials.cache import MapFiles
from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.config import RenderConfig, ViewsConfig
from pipeline.shapes.shape import Shape
from pipeline.views.reference import ReferenceViews
from pipeline.views.select import NORMAL, View
from pipeline.views.visibility import bounding_box

VERSION = 1


@dataclass(frozen=True)
class Surface:
    """One material for Blender: its map files, and the edge of a tile in object radii."""

    maps: MapFiles
    tile_size: float


@dataclass(frozen=True)
class Job:
    """``textures``: texture id -> part id -> material name; ``surfaces``: material name -> files."""

    shape: Shape
    anomalies: Sequence[Anomaly]
    views: Sequence[View]
    reference: ReferenceViews
    textures: Mapping[int, Mapping[int, str]]
    surfaces: Mapping[str, Surface]


def write_job(folder: Path, job: Job, views: ViewsConfig, render: RenderConfig, threads: int) -> Path:
    """Write ``meshes.npz`` and ``job.json`` into ``folder`` and return the latter's path."""
    meshes: dict[str, np.ndarray[Any, Any]] = {}
    variants: dict[str, Any] = {}
    for anomaly in (None, *job.anomalies):
        parts = []
        for part_id, mesh in part_meshes(job.shape, anomaly):
            changed = anomaly is not None and part_id in anomaly.replaced
            name = f"{anomaly.name if changed and anomaly else NORMAL}-{part_id:03d}"
            meshes[f"{name}/vertices"] = np.asarray(mesh.vertices)
            meshes[f"{name}/faces"] = np.asarray(mesh.faces)
            parts.append([part_id, name])
        lowest = min(float(meshes[f"{name}/vertices"][:, 1].min()) for _, name in parts)
        # The ground touches the lowest vertex of the variant, so that a lowered part does not sink into it.
        variants[anomaly.name if anomaly else NORMAL] = {"parts": parts, "ground": lowest}
    mesh_path = folder / "meshes.npz"
    np.savez(mesh_path, **meshes)
    content = {
        "version": VERSION,
        "meshes": str(mesh_path),
        "variants": variants,
        "materials": {name: _files(surface) for name, surface in job.surfaces.items()},
        "queries": [
            {
                "variant": view.anomaly,
                "light": view.light,
                "materials": {str(part): name for part, name in job.textures[view.texture].items()},
                **_camera(view.camera.K, view.camera.world_to_camera, view.image.part_ids),
            }
            for view in job.views
        ],
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


def _files(surface: Surface) -> dict[str, Any]:
    maps = {field.name: str(getattr(surface.maps, field.name).resolve()) for field in fields(surface.maps)}
    return {**maps, "tile_size": surface.tile_size}


def _camera(K: NDArray[np.float64], world_to_camera: NDArray[np.float64], part_ids: NDArray[np.uint16]) -> Any:
    x, y, width, height = bounding_box(part_ids)
    return {"K": K.tolist(), "world_to_camera": world_to_camera.tolist(), "box": [x, y, x + width, y + height]}

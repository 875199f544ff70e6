"""Views on disk: ``<id>.npz`` holds the arrays, ``<id>.json`` everything else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import atomic, read_json, write_json
from pipeline.geometry.cameras import Camera
from pipeline.geometry.raycast import RayImage
from pipeline.views.reference import ReferenceViews
from pipeline.views.select import Selection, View
from pipeline.views.visibility import Masks

_MASKS = tuple(f.name for f in fields(Masks))
_REFERENCE = tuple(f.name for f in fields(ReferenceViews))
_SCALARS = (
    "name",
    "anomaly",
    "azimuth",
    "elevation",
    "light",
    "texture",
    "bbox",
    "visible_share",
    "changed_pixels",
)


def save_views(folder: Path, shape_id: str, selection: Selection, reference: ReferenceViews) -> None:
    """Write both files, the JSON last."""
    views = selection.views
    arrays: dict[str, Any] = {f"reference_{name}": getattr(reference, name) for name in _REFERENCE}
    if views:
        arrays |= {f"mask_{name}": np.stack([getattr(v.masks, name) for v in views]) for name in _MASKS}
        arrays["depth"] = np.stack([v.image.depth for v in views])
        arrays["part_ids"] = np.stack([v.image.part_ids for v in views])
        arrays["K"] = np.stack([v.camera.K for v in views])
        arrays["world_to_camera"] = np.stack([v.camera.world_to_camera for v in views])
    with atomic(folder / f"{shape_id}.npz") as temporary:
        np.savez_compressed(temporary, **arrays)
    rows = [{key: getattr(v, key) for key in _SCALARS} for v in views]
    refused = {name: dict(reasons) for name, reasons in selection.refused.items()}
    write_json(folder / f"{shape_id}.json", {"views": rows, "refused": refused})


def load_views(folder: Path, shape_id: str) -> tuple[tuple[View, ...], ReferenceViews]:
    """Read what ``save_views`` wrote. Raises PipelineError for a missing or broken file."""
    path = folder / f"{shape_id}.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            data = {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as error:
        raise PipelineError(f"{path} is not readable: {error}; run the views stage again") from error
    views = tuple(
        View(
            **{**row, "bbox": tuple(row["bbox"])},
            camera=Camera(data["K"][i], data["world_to_camera"][i], data["depth"].shape[-1]),
            image=RayImage(data["depth"][i], data["part_ids"][i]),
            masks=Masks(**{name: data[f"mask_{name}"][i] for name in _MASKS}),
        )
        for i, row in enumerate(read_json(folder / f"{shape_id}.json")["views"])
    )
    return views, ReferenceViews(**{name: data[f"reference_{name}"] for name in _REFERENCE})

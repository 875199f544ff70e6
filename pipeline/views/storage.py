"""Views on disk: ``<id>.npz`` holds the arrays, ``<id>.json`` everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import atomic, read_json, write_json
from pipeline.format.cameras import Camera
from pipeline.geometry.raycast import RayImage
from pipeline.views.reference import ReferenceViews
from pipeline.views.select import Selection, View
from pipeline.views.visibility import Mark

_REFERENCE = tuple(f.name for f in fields(ReferenceViews))
_MASKS = ("object_mask", "object_mask_normal")
_SCALARS = ("name", "azimuth", "elevation", "radius", "light", "texture")
_MARK_MASKS = ("new", "old")
_MARK_SCALARS = tuple(f.name for f in fields(Mark) if f.name not in _MARK_MASKS)


def save_views(folder: Path, shape_id: str, selection: Selection, reference: ReferenceViews) -> None:
    """Write both files, the JSON last."""
    views = selection.views
    arrays: dict[str, Any] = {f"reference_{name}": getattr(reference, name) for name in _REFERENCE}
    if views:
        arrays |= {name: np.stack([getattr(v, name) for v in views]) for name in _MASKS}
        arrays["depth"] = np.stack([v.image.depth for v in views])
        arrays["part_ids"] = np.stack([v.image.part_ids for v in views])
        arrays["K"] = np.stack([v.camera.K for v in views])
        arrays["world_to_camera"] = np.stack([v.camera.world_to_camera for v in views])
    marks = [mark for view in views for mark in view.marks]
    if marks:
        arrays |= {f"mark_{name}": np.stack([getattr(mark, name) for mark in marks]) for name in _MARK_MASKS}
    with atomic(folder / f"{shape_id}.npz") as temporary:
        np.savez_compressed(temporary, **arrays)
    rows = [
        {
            **{key: getattr(view, key) for key in _SCALARS},
            "marks": [{key: getattr(mark, key) for key in _MARK_SCALARS} for mark in view.marks],
        }
        for view in views
    ]
    refused = {name: dict(reasons) for name, reasons in selection.refused.items()}
    write_json(folder / f"{shape_id}.json", {"views": rows, "refused": refused})


def load_views(folder: Path, shape_id: str) -> tuple[tuple[View, ...], ReferenceViews]:
    """Read what ``save_views`` wrote. Raises PipelineError for a missing or broken file."""
    path = folder / f"{shape_id}.npz"
    rows = read_json(folder / f"{shape_id}.json")
    try:
        with np.load(path, allow_pickle=False) as archive:
            data = {name: archive[name] for name in archive.files}
        return _views(rows["views"], data), ReferenceViews(**{name: data[f"reference_{name}"] for name in _REFERENCE})
    except Exception as error:  # of a damaged archive, and of rows that do not fit it, many kinds
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise PipelineError(f"{path} is not readable ({reason}); move it away and run the views stage again") from error


def _views(rows: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> tuple[View, ...]:
    marks = count()  # of all views, one after the other
    return tuple(
        View(
            **{key: row[key] for key in _SCALARS},
            marks=tuple(_mark(mark, data, next(marks)) for mark in row["marks"]),
            camera=Camera(data["K"][i], data["world_to_camera"][i], data["depth"].shape[-1]),
            image=RayImage(data["depth"][i], data["part_ids"][i]),
            **{name: data[name][i] for name in _MASKS},
        )
        for i, row in enumerate(rows)
    )


def _mark(row: Mapping[str, Any], data: Mapping[str, Any], number: int) -> Mark:
    masks = {name: data[f"mark_{name}"][number] for name in _MARK_MASKS}
    return Mark(**{**row, "bbox": tuple(row["bbox"])}, **masks)

"""Anomalies on disk: ``<index>_<type>.json``, and ``.glb`` with the changed parts where any is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import trimesh

from pipeline.anomalies.anomaly import Anomaly, SurfaceChange
from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.shapes.storage import StoredPart, load_parts, save_parts


def save_anomaly(folder: Path, anomaly: Anomaly) -> None:
    """Write both files atomically, the JSON last: an anomaly exists when its JSON does."""
    meshes = {i: mesh for i, mesh in anomaly.replaced.items() if mesh is not None}
    if meshes:
        parts = [StoredPart(f"part_{i:03d}", meshes[i], {"part_id": i}) for i in sorted(meshes)]
        save_parts(folder / f"{anomaly.name}.glb", parts, {"anomaly": anomaly.name})
    record = {
        "index": anomaly.index,
        "type": anomaly.type,
        "target": list(anomaly.target),
        "target_label": anomaly.target_label,
        "replaced": sorted(meshes),
        "parameters": dict(anomaly.parameters),
        "proof": dict(anomaly.proof),
        "surface": asdict(anomaly.surface) if anomaly.surface else None,
    }
    write_json(folder / f"{anomaly.name}.json", record)


def load_anomaly(folder: Path, name: str) -> Anomaly:
    """Read what ``save_anomaly`` wrote, e.g. ``load_anomaly(folder, "2_broken")``. Raises PipelineError."""
    path = folder / f"{name}.json"
    record = read_json(path)
    try:
        surface = record["surface"]
        replaced: dict[int, trimesh.Trimesh | None] = {} if surface else dict.fromkeys(record["target"])
        if record["replaced"]:
            parts, _ = load_parts(folder / f"{name}.glb")
            replaced.update((part.extras["part_id"], part.mesh) for part in parts)
        return Anomaly(
            index=record["index"],
            type=record["type"],
            target=tuple(record["target"]),
            target_label=record["target_label"],
            replaced=replaced,
            parameters=record["parameters"],
            proof=record["proof"],
            surface=_surface_change(surface) if surface else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path} is not an anomaly of this version: {error!r}; make it again") from error


def _surface_change(record: Mapping[str, Any]) -> SurfaceChange:
    return SurfaceChange(**{**record, "colour": tuple(record["colour"]), "offset": tuple(record["offset"])})

"""What an anomaly is to the rooms that come after: parts replaced or removed, and the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import trimesh

from pipeline.shapes.shape import Shape

#: Order fixes the values of the shard's ``anomaly_type`` enum: normal 0, positional 1, ...
ANOMALY_TYPES = ("positional", "rotational", "broken", "swapped", "missing")
LABELS = ("normal", *ANOMALY_TYPES)


@dataclass(frozen=True)
class Anomaly:
    """One anomaly of one shape.

    index: 0-based number within the shape; with ``type`` it names the files, ``<index>_<type>``.
    target: part ids the anomaly acts on (a leaf, or all leaves of an inner node such as an arm).
    target_label: label path of the tree node acted on.
    replaced: part id -> its new mesh, or None where the part is gone. Keys equal ``target``.
    parameters: every drawn parameter; proof: every measured number. Both JSON-serialisable.
    """

    index: int
    type: str
    target: tuple[int, ...]
    target_label: str
    replaced: Mapping[int, trimesh.Trimesh | None]
    parameters: Mapping[str, Any]
    proof: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.index}_{self.type}"


def part_meshes(shape: Shape, anomaly: Anomaly | None) -> list[tuple[int, trimesh.Trimesh]]:
    """``(part_id, mesh)`` of the shape as it looks with the anomaly (or intact, with None)."""
    replaced: Mapping[int, trimesh.Trimesh | None] = anomaly.replaced if anomaly else {}
    meshes = ((p.part_id, replaced.get(p.part_id, p.mesh)) for p in shape.parts)
    return [(part_id, mesh) for part_id, mesh in meshes if mesh is not None]

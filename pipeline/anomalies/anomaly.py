"""What an anomaly is to the rooms that come after: parts replaced, removed or resurfaced, and the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import trimesh

from pipeline.shapes.shape import Shape

Effect = Literal["faded", "stained", "scratched", "other material"]


@dataclass(frozen=True)
class SurfaceChange:
    """A change of a part's surface that leaves its geometry alone.

    strength: 0 to 1; scale: size of the pattern in object radii; colour: linear RGB that the effect
    mixes in; offset: (x, y, z) that places the pattern; choice: 0 to 1, picks the other material.
    """

    effect: Effect
    strength: float
    scale: float
    colour: tuple[float, float, float]
    offset: tuple[float, float, float]
    choice: float


@dataclass(frozen=True)
class Anomaly:
    """One anomaly of one shape.

    index: number within the shape, unique there; with ``type`` it names the files, ``<index>_<type>``.
    target: part ids the anomaly acts on (a leaf, or all leaves of an inner node such as an arm).
    target_label: label path of the tree node acted on.
    replaced: part id -> its new mesh, or None where the part is gone. Keys equal ``target``; empty
        where the anomaly is a change of ``surface``.
    parameters: every drawn parameter; proof: every measured number. Both JSON-serialisable.
    """

    index: int
    type: str
    target: tuple[int, ...]
    target_label: str
    replaced: Mapping[int, trimesh.Trimesh | None]
    parameters: Mapping[str, Any]
    proof: Mapping[str, Any]
    surface: SurfaceChange | None = None

    @property
    def name(self) -> str:
        return f"{self.index}_{self.type}"

    @property
    def is_missing(self) -> bool:
        """Nothing of the target is left."""
        return bool(self.replaced) and all(mesh is None for mesh in self.replaced.values())


def part_meshes(shape: Shape, anomalies: Sequence[Anomaly] = ()) -> list[tuple[int, trimesh.Trimesh]]:
    """``(part_id, mesh)`` of the shape as it looks with these anomalies (on different parts), or intact."""
    replaced = {i: mesh for anomaly in anomalies for i, mesh in anomaly.replaced.items()}
    meshes = ((p.part_id, replaced.get(p.part_id, p.mesh)) for p in shape.parts)
    return [(part_id, mesh) for part_id, mesh in meshes if mesh is not None]

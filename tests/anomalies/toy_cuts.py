"""Cuts whose results are known: smooth cutters and parts alone in the world."""

from __future__ import annotations

from typing import Literal

import numpy as np
import trimesh

from pipeline.anomalies.fracturing.bodies import cut, part_bodies
from pipeline.anomalies.fracturing.cutter import Cutter
from pipeline.anomalies.fracturing.cutting import Side, Tool
from pipeline.anomalies.fracturing.pieces import Piece
from pipeline.geometry.raycast import RayScene
from pipeline.shapes.shape import flatten

Vector = tuple[float, float, float]


def smooth(kind: Literal["sphere", "cube"], centre: Vector, size: float) -> Cutter:
    return Cutter(kind, np.array(centre), size * np.eye(3), np.zeros((1, 3)), np.zeros(1), 0.0)


def cut_part(mesh: trimesh.Trimesh, cutter: Cutter, side: Side = "outside") -> tuple[list[Piece], set[str]]:
    """What lies on one side of a part alone in the world, and how it was cut."""
    cuts = [cut(body, Tool.of(cutter), side) for body in part_bodies(mesh, 1, [RayScene(flatten([(1, mesh)]))])]
    return [piece for pieces, _ in cuts for piece in pieces], {method for _, method in cuts}

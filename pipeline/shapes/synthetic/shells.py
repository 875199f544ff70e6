"""Moulded seat shells: one curved sheet, cut into a seat and a back as PartNet's annotators cut it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from pipeline.shapes.synthetic.curves import Points, spline
from pipeline.shapes.synthetic.solids import shell

_THICKNESS = 0.014
_ROWS, _COLUMNS, _FIRST_BACK_ROW = 34, 25, 18


@dataclass(frozen=True)
class ShellForm:
    """A shell's proportions in metres; the seat's lowest point is at height 0.

    wrap: how far the sides rise around the seat and come forward around the back, (seat, back).
    narrow: relative width of the top edge.
    """

    width: float
    depth: float
    height: float
    lean: float
    wrap: tuple[float, float]
    narrow: float


def seat_and_back(form: ShellForm) -> tuple[trimesh.Trimesh, trimesh.Trimesh, Points]:
    """The seat's sheet, the back's sheet, and the whole middle surface (rows, columns, 3) front to top."""
    grid = _surface(form)
    cut = _FIRST_BACK_ROW
    return shell(grid[: cut + 1], _THICKNESS), shell(grid[cut:], _THICKNESS), grid


def _surface(form: ShellForm) -> Points:
    half, tall = form.depth / 2, form.height
    keys = [
        (half, -0.012),
        (0.8 * half, 0.012),
        (0.3 * half, 0.004),
        (-0.45 * half, 0.004),
        (-0.86 * half, 0.055),
        (-half - 0.2 * form.lean, 0.3 * tall),
        (-half - form.lean, tall),
    ]
    middle = spline([(0.0, y, z) for z, y in keys], 201)
    u, v = np.linspace(-1, 1, _COLUMNS), np.linspace(-1, 1, _ROWS)
    # Blunting the parameter square rounds the sheet's four corners.
    along = v[:, None] * (1 - 0.09 * np.abs(u[None]) ** 4) / 2 + 0.5
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(middle, axis=0), axis=1))])
    arc /= arc[-1]
    base = np.stack([np.interp(along, arc, middle[:, axis]) for axis in range(3)], axis=-1)
    tangent = np.gradient(middle, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.cross(tangent, (-1.0, 0.0, 0.0))
    lift = np.stack([np.interp(along, arc, normal[:, axis]) for axis in range(3)], axis=-1)
    back = 1 / (1 + np.exp(-14 * (along - 0.55)))
    wrap = (form.wrap[0] * (1 - back) + form.wrap[1] * back) * np.abs(u[None]) ** 2.4
    ends = 1 - 0.2 * np.abs(v[:, None]) ** 5
    width = form.width * ends * (1 - (1 - form.narrow) * back * np.clip(along - 0.5, 0, 1) * 2)
    side = np.stack([width / 2 * u[None], np.zeros_like(along), np.zeros_like(along)], axis=-1)
    return base + side + wrap[..., None] * lift

"""Cushions and padded bodies."""

from __future__ import annotations

from typing import Literal

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.curves import Points, line, rounded_rectangle
from pipeline.shapes.synthetic.members import turned
from pipeline.shapes.synthetic.solids import Plane, deformed, pad, sweep

SEAT_FRAME = "chair_seat/seat_frame/seat_holistic_frame"
SHORT_LEG = "chair_base/foot_base/short_leg"

ArmStyle = Literal["block", "rolled", "flared"]


def cushion(
    size: tuple[float, float, float],
    crown: float,
    plane: Plane = "seat",
    radius: float = 0.05,
    flat_side: bool = False,
) -> trimesh.Trimesh:
    """A stuffed cushion of ``size`` (width, depth or height, thickness), its middle thicker by ``crown`` a side.

    ``flat_side`` leaves the under (back) side flat.
    """
    outline = rounded_rectangle(size[0], size[1], radius, 6, 6)
    return pad(outline, size[2], 0.45 * size[2], (0.0 if flat_side else crown, crown), plane)


def block(size: tuple[float, float, float], radius: float) -> trimesh.Trimesh:
    """An upholstered box of ``size`` (x, y, z), its edges rounded by ``radius``."""
    return pad(rounded_rectangle(size[0], size[2], radius, 6, 2), size[1], radius)


def curved(mesh: trimesh.Trimesh, half_width: float, depth: float) -> trimesh.Trimesh:
    """Wrap a back around the sitter: its sides come forward (+Z) by ``depth`` at ``half_width``."""
    return deformed(mesh, lambda v: v + (0, 0, 1) * (depth * (v[:, :1] / half_width) ** 2))


def sofa_arm(style: ArmStyle, width: float, low: float, high: float, depth: float) -> trimesh.Trimesh:
    """The sitter's left arm: inner face about x = 0, between the heights, from z = -depth/2 to depth/2."""
    tall = high - low
    outline = {"block": _block_outline, "rolled": _rolled_outline, "flared": _flared_outline}[style](width, tall)
    path = line((width / 2, low + tall / 2, -depth / 2 + 0.02), (width / 2, low + tall / 2, depth / 2 - 0.02), 4)
    # Outlines have their outer side at +x, but the sweep's first section axis, tangent x up, is -X here.
    return sweep(path, outline * (-1, 1), bevel=0.02)


def _block_outline(width: float, tall: float) -> Points:
    return rounded_rectangle(width, tall, 0.3 * width, 6, 1)


def _rolled_outline(width: float, tall: float) -> Points:
    """A panel with a round roll on top that overhangs outward."""
    roll = 0.55 * width
    angle = np.radians(np.linspace(-50, 200, 22))
    top = np.stack([0.1 * width + roll * np.cos(angle), tall / 2 - roll + roll * np.sin(angle)], axis=1)
    panel = 0.36 * width
    return np.concatenate([[(-panel, -tall / 2), (panel, -tall / 2)], top])


def _flared_outline(width: float, tall: float) -> Points:
    outline = rounded_rectangle(0.8 * width, tall, 0.36 * width, 6, 4)
    lean = 0.35 * width * (outline[:, 1] / tall + 0.5) ** 2
    return outline + np.stack([lean - 0.1 * width, np.zeros(len(outline))], axis=1)


def short_legs(
    chair: Assembly, draw: np.random.Generator, corners: tuple[tuple[float, float], ...], height: float
) -> None:
    """Pairs of small turned legs below a body whose underside is at ``height``."""
    radius, splay = draw.uniform(0.02, 0.027), draw.uniform(0.0, 0.3) * height
    ratio = draw.uniform(0.5, 0.8)
    for x, z in corners:
        foot = np.array([x + splay, 0.0, z + np.sign(z) * splay])
        leg = turned(foot, (x, height + 0.015, z), [(0, ratio * radius), (0.15, ratio * radius), (1, radius)], 16)
        chair.add_pair(SHORT_LEG, leg.mesh)

"""Armrests: bars on supports."""

from __future__ import annotations

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.curves import Points, rounded_rectangle, spline, vector
from pipeline.shapes.synthetic.members import bar, turned
from pipeline.shapes.synthetic.solids import sweep

ARM_TOP = "chair_arm#{side}/armrest_hard_surface"
ARM_PAD = "chair_arm#{side}/armrest_soft_surface"
ARM_SUPPORT = "chair_arm#{side}/arm_vertical_bar"
ARM_FRAME = "chair_arm#{side}/arm_holistic_frame"


def wooden_arms(chair: Assembly, draw: np.random.Generator, post: Points, base: Points, turned_support: bool) -> None:
    """Two arms from ``post`` (3,), a point of the left back post, to a support that stands on ``base`` (3,)."""
    width, thickness = draw.uniform(0.042, 0.06), draw.uniform(0.02, 0.028)
    front = np.array([base[0] + draw.uniform(0.0, 0.02), post[1] - draw.uniform(0.0, 0.02), base[2] + 0.02])
    bend = np.array([draw.uniform(0.005, 0.025), -draw.uniform(0.0, 0.02), 0.0])
    reach = front + vector(0.0, 0.004, draw.uniform(0.02, 0.05))
    path = spline([post, (post + front) / 2 + bend, front, reach], 16)
    along = np.linspace(0, 1, len(path))
    scale = np.stack([0.62 + 0.38 * along**0.7, np.ones(len(path))], axis=1)
    chair.add_pair(ARM_TOP, sweep(path, rounded_rectangle(width, thickness, 0.4 * thickness), scale, bevel=0.008))
    chair.add_pair(ARM_SUPPORT, _support(draw, base, front, turned_support))


def _support(draw: np.random.Generator, base: Points, top: Points, lathe: bool) -> trimesh.Trimesh:
    if lathe:
        r = draw.uniform(0.012, 0.016)
        controls = [(0, 0.7 * r), (0.2, r), (0.3, 0.65 * r), (0.36, r), (0.6, 1.25 * r), (0.8, 0.7 * r), (1, 0.8 * r)]
        return turned(base, top, controls, 14).mesh
    middle = (base + top) / 2 + (0.0, 0.0, draw.uniform(0.0, 0.025))
    return bar(spline([base, middle, top], 9), rounded_rectangle(0.028, 0.036, 0.006), np.linspace(1.1, 0.9, 9)).mesh

"""Bent-tube chairs: the cantilever, and the school chair with a writing tablet."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.arms import ARM_FRAME, ARM_TOP
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import BACK_FRAME, POST
from pipeline.shapes.synthetic.curves import MIRROR, Points, filleted, rounded_rectangle, vector
from pipeline.shapes.synthetic.legs import LEG, STRETCHER
from pipeline.shapes.synthetic.members import rod, tube
from pipeline.shapes.synthetic.panels import back_panel, seat_panel
from pipeline.shapes.synthetic.seats import SUPPORT
from pipeline.shapes.synthetic.solids import pad, placed

RUNNER = "chair_base/regular_leg_base/runner"


def cantilever(draw: np.random.Generator) -> Assembly:
    """One continuous tube: back, seat sides, front legs, floor runners."""
    chair = Assembly()
    half, depth, top = draw.uniform(0.21, 0.25), draw.uniform(0.42, 0.47), draw.uniform(0.43, 0.46)
    radius, high, rake = draw.uniform(0.0115, 0.0135), draw.uniform(0.78, 0.92), draw.uniform(0.06, 0.12)
    rear, front = -depth / 2, depth / 2 + draw.uniform(0.02, 0.05)
    lean = draw.uniform(-0.03, 0.05)
    corner = draw.uniform(0.07, 0.11)
    level = top - 0.02
    side = [
        (half, level - 0.01, rear),
        (half, level, front),
        (half, radius, front + lean),
        (half, radius, front + lean - 0.2),
    ]
    chair.add_pair(LEG, tube(filleted(side, corner, 9), radius, up=(1, 0, 0)))
    back_z = rear - draw.uniform(0.0, 0.06)
    floor = [
        (half, radius, front + lean - 0.18),
        (half, radius, back_z),
        (-half, radius, back_z),
        (-half, radius, front + lean - 0.18),
    ]
    chair.add(RUNNER, tube(filleted(floor, 0.07, 8), radius * 1.02, up=(0, 1, 0)))
    upright = [(half, level, rear + 0.09), (half, level - 0.01, rear - 0.01), (half, high, rear - rake)]
    loop = [*upright, *[tuple(np.multiply(p, MIRROR)) for p in upright[::-1]]]
    chair.add(BACK_FRAME, tube(filleted(loop, 0.06, 8), radius * 1.02, up=(0, 0, 1)))
    chair.add(SUPPORT, rod((-half, level, 0.6 * front), (half, level, 0.6 * front), 0.8 * radius))
    seat_panel(chair, draw, (2 * half - 0.004, depth - 0.01), np.array([0, top - 0.014, 0.012]), 0.03)
    slope = rake / (high - level)
    tall = draw.uniform(0.2, 0.32)
    centre = high - 0.03 - tall / 2
    middle = np.array([0, centre, rear - slope * (centre - level) + 0.004])
    back_panel(chair, draw, (2 * half + 0.01, tall), middle, float(np.arctan(slope)), draw.uniform(0.015, 0.04))
    if draw.random() < 0.5:
        arm_level = top + draw.uniform(0.19, 0.23)
        rear_end = (half, arm_level, rear - slope * (arm_level - level))
        path = filleted([rear_end, (half + 0.025, arm_level, front - 0.1), (half, level, front - 0.07)], 0.08, 8)
        chair.add_pair(ARM_FRAME, tube(path, 0.9 * radius, up=(1, 0, 0)))
        rest = pad(rounded_rectangle(0.045, 0.22, 0.02, 6, 2), 0.022, 0.009)
        chair.add_pair(ARM_TOP, placed(rest, (half + 0.013, arm_level + 0.012, 0.0)))
    return chair


def school(draw: np.random.Generator) -> Assembly:
    """Plywood or padded seat and back on a tube frame, with a tablet to write on."""
    chair = Assembly()
    half, top, high = draw.uniform(0.19, 0.215), draw.uniform(0.43, 0.46), draw.uniform(0.78, 0.86)
    radius, splay = draw.uniform(0.0105, 0.0125), draw.uniform(0.02, 0.06)
    level, front, rear = top - 0.02, 0.17, -0.17
    side = [
        (half + splay, 0.0, front + splay),
        (half, level, front),
        (half, level, rear),
        (half + splay, 0.0, rear - splay),
    ]
    bend = filleted(side, 0.05, 8)
    middle = len(bend) // 2
    chair.add_pair(LEG, tube(bend[: middle + 1], radius, up=(1, 0, 0)))
    chair.add_pair(LEG, tube(bend[middle:][::-1], radius, up=(1, 0, 0)))
    for z in (front - 0.05, rear + 0.05):
        chair.add(SUPPORT, rod((-half, level, z), (half, level, z), 0.9 * radius))
    shares = (0.3, 0.62) if draw.random() < 0.5 else (0.3,)
    for share in shares:
        out = splay * (1 - share)
        start, end = vector(half + out, level * share, front + out), vector(half + out, level * share, rear - out)
        chair.add_pair(STRETCHER, rod(start, end, 0.7 * radius))
    rake = draw.uniform(0.06, 0.1)
    post = filleted([(half, level, -0.02), (half, level, rear - 0.03), (half, high, rear - 0.03 - rake)], 0.05, 8)
    chair.add_pair(POST, tube(post, 0.95 * radius, up=(1, 0, 0)))
    seat_panel(chair, draw, (2 * half + 0.02, 0.4), np.array([0, top - 0.006, 0.01]), 0.03)
    slope, tall = rake / (high - level), draw.uniform(0.16, 0.26)
    centre = high - 0.4 * tall
    spot = np.array([0, centre, rear - 0.024 - slope * (centre - level)])
    back_panel(chair, draw, (2 * half + 0.03, tall), spot, float(np.arctan(slope)), draw.uniform(0.015, 0.035))
    _tablet(chair, draw, half, level, radius)
    return chair


def _tablet(chair: Assembly, draw: np.random.Generator, half: float, level: float, radius: float) -> None:
    """A writing tablet at the sitter's right, on two tubes from the seat's side bar."""
    height = level + draw.uniform(0.22, 0.26)
    out = half + 0.05
    for z, label in ((0.1, "arm_slant_bar"), (-0.1, "arm_vertical_bar")):
        path = filleted([(-half, level, z), (-out, level, z), (-out, height, z + 0.08)], 0.04, 8)
        chair.add(f"chair_arm#right/{label}", tube(path, 0.9 * radius, up=(0, 0, 1)))
    board = placed(pad(_tablet_outline(draw), 0.018, 0.006), (-out - 0.04, height + 0.004, 0.13))
    chair.add("chair_arm#right/arm_writing_table", board)


def _tablet_outline(draw: np.random.Generator) -> Points:
    """(34, 2) outline: an armrest's width at the elbow, a page's width in front; the outer edge is straight."""
    long, wide, narrow = draw.uniform(0.5, 0.56), draw.uniform(0.26, 0.3), 0.09
    z = np.linspace(-0.5, 0.5, 17)
    width = narrow + (wide - narrow) / (1 + np.exp(-14 * (z - 0.02)))
    inner = width * np.maximum(np.sqrt(np.clip(1 - (2 * z) ** 8, 0, 1)), 0.55)
    outer = np.stack([np.zeros(17), z[::-1] * long], axis=1)
    return np.concatenate([outer, np.stack([inner, z * long], axis=1)]) - (0.5 * narrow, 0.0)

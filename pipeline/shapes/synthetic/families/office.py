"""Swivel chairs: star base on casters, gas lift, armrests, headrest, lever."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.arms import ARM_FRAME, ARM_PAD, ARM_SUPPORT
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import SOFT_BACK
from pipeline.shapes.synthetic.curves import UP, Points, ellipse, filleted, line, rounded_rectangle, spline, tapered
from pipeline.shapes.synthetic.members import rail, rod, turned
from pipeline.shapes.synthetic.seats import SOFT_SEAT, SUPPORT
from pipeline.shapes.synthetic.solids import deformed, pad, placed, sweep
from pipeline.shapes.synthetic.upholstery import block, curved

STAR = "chair_base/star_leg_base"
LEG_SET = STAR + "/star_leg_set"
WHEEL_RADIUS = 0.026


def office(draw: np.random.Generator) -> Assembly:
    """A task chair; low or high back, with or without arms and headrest."""
    chair = Assembly()
    width, depth, top = draw.uniform(0.46, 0.52), draw.uniform(0.44, 0.5), draw.uniform(0.44, 0.52)
    soft = draw.uniform(0.06, 0.085)
    under = top - soft
    _seat(chair, (width, depth), soft, top)
    chair.add(SUPPORT, placed(block((0.22, 0.045, 0.26), 0.012), (0, under - 0.016, -0.02)))
    _star_base(chair, draw, int(draw.integers(4, 6)) if draw.random() < 0.2 else 5, under - 0.02)
    knob = np.array([0.25, under - 0.03, 0.04])
    chair.add(STAR + "/mechanical_control/lever", rod((0.05, under - 0.02, 0.03), knob, 0.005, 10))
    chair.add(
        STAR + "/mechanical_control/knob", rod(knob - (0.03, -0.002, 0.003), knob - (-0.02, 0.001, -0.002), 0.010, 12)
    )
    high = top + draw.uniform(0.5, 0.66)
    _back(chair, draw, width, (under - 0.016, top, high), -depth / 2)
    if draw.random() < 0.75:
        _arms(chair, draw, width / 2, under, top + draw.uniform(0.17, 0.22))
    return chair


def _seat(chair: Assembly, size: tuple[float, float], soft: float, top: float) -> None:
    outline = tapered(rounded_rectangle(*size, 0.11, 8, 5), 0.08)
    seat = pad(outline, soft, 0.42 * soft, (0.0, 0.01))

    def contour(v: Points) -> Points:
        forward = np.clip(v[:, 2] / (size[1] / 2) - 0.4, 0, 1)
        lift = 0.01 * (2 * v[:, 0] / size[0]) ** 2 - 0.09 * forward**2
        return v + np.outer(lift, UP)

    chair.add(SOFT_SEAT, placed(deformed(seat, contour), (0, top - soft / 2, 0)))


def _star_base(chair: Assembly, draw: np.random.Generator, count: int, high: float) -> None:
    reach, hub, level = draw.uniform(0.28, 0.33), 0.034, 0.105
    arch = draw.uniform(0.0, 0.02)
    lift = [(0, hub), (0.18, 0.95 * hub), (0.2, 0.028), (0.55, 0.026), (0.58, 0.015), (1.0, 0.0145)]
    chair.add(STAR + "/central_support", turned((0, level - 0.035, 0), (0, high, 0), lift, 20).mesh)
    section = rounded_rectangle(0.042, 0.036, 0.01)
    spokes = np.arange(count) * (2 * np.pi / count) + np.pi / count
    for number, angle in enumerate(spokes):
        away = np.array([np.sin(angle), 0, np.cos(angle)])
        keys = ((0.0, level), (0.5, level + arch), (1.0, 0.078))
        path = spline([away * reach * share + (0, y, 0) for share, y in keys], 8)
        scale = np.stack([np.linspace(1.15, 0.62, 8), np.linspace(1.2, 0.7, 8)], axis=1)
        chair.add(LEG_SET + "/leg", sweep(path, section, scale, bevel=0.008))
        _caster(chair, f"{LEG_SET}/caster#{number}", path[-1], angle + draw.uniform(-0.9, 0.9))


def _caster(chair: Assembly, label: str, top: Points, heading: float) -> None:
    """Twin wheels under a hood, their stem set into the leg's end at ``top``."""
    across = np.array([np.cos(heading), 0, -np.sin(heading)])
    trail = np.array([np.sin(heading), 0, np.cos(heading)])
    axle = top * (1, 0, 1) + (0, WHEEL_RADIUS, 0) - 0.012 * trail
    chair.add(label + "/caster_stem", rod((top[0], axle[1], top[2]), top, 0.006, 10))
    angle = np.linspace(-0.35, np.pi - 0.5, 11)
    arc = [axle + (WHEEL_RADIUS - 0.003) * (np.cos(a) * trail + np.sin(a) * np.array([0, 1, 0])) for a in angle]
    hood = sweep(np.array(arc), rounded_rectangle(0.018, 0.011, 0.003), up=trail, bevel=0.002)
    chair.add(label + "/caster_yoke", hood, rod(axle - 0.02 * across, axle + 0.02 * across, 0.005, 8))
    for side in (-1, 1):
        inner, outer = axle + 0.007 * side * across, axle + 0.02 * side * across
        tread = sweep(line(inner, outer), ellipse(2 * WHEEL_RADIUS, 2 * WHEEL_RADIUS, 22), bevel=0.004)
        chair.add(label + "/wheel", tread)


def _back(
    chair: Assembly, draw: np.random.Generator, width: float, levels: tuple[float, float, float], rear: float
) -> None:
    """A padded, wrapped back on a bent spine; ``levels``: the mechanism, the seat's top, the back's top."""
    low, top, high = levels
    pitch, tall = draw.uniform(0.1, 0.2), high - top - draw.uniform(0.04, 0.12)
    outline = tapered(
        rounded_rectangle(draw.uniform(0.86, 1.0) * width, tall, draw.uniform(0.06, 0.13), 8, 7),
        draw.uniform(-0.25, 0.1),
    )
    thick = draw.uniform(0.035, 0.065)
    wrap = draw.uniform(0.025, 0.06)
    lumbar = draw.uniform(0.008, 0.025)
    panel = curved(pad(outline, thick, 0.4 * thick, (0.0, 0.006), "back"), width / 2, wrap)
    panel = deformed(panel, lambda v: v + (0, 0, 1) * (lumbar * np.exp(-(((v[:, 1:2] / tall + 0.25) / 0.25) ** 2))))
    middle = np.array([0, high - tall / 2, rear - 0.03 - np.sin(pitch) * tall / 2])
    chair.add(SOFT_BACK, placed(panel, middle, pitch))
    up = np.array([0, np.cos(pitch), -np.sin(pitch)])
    behind = middle - (0, 0, thick / 2 + 0.004)
    knee = np.array([0.0, low, rear - 0.075])
    path = filleted([(0, low, rear + 0.2), knee, behind - 0.2 * tall * up, behind + 0.12 * tall * up], 0.08)
    scale = np.stack([np.linspace(1.1, 0.8, len(path)), np.ones(len(path))], axis=1)
    chair.add("chair_back/back_support", sweep(path, rounded_rectangle(0.07, 0.02, 0.007), scale, bevel=0.005))
    if draw.random() < 0.55:
        _headrest(chair, draw, middle + up * tall / 2 - (0, 0, 0.006), up, pitch)


def _headrest(chair: Assembly, draw: np.random.Generator, top: Points, up: Points, pitch: float) -> None:
    wide, tall = draw.uniform(0.24, 0.32), draw.uniform(0.11, 0.15)
    head = curved(pad(rounded_rectangle(wide, tall, 0.045, 7, 5), 0.05, 0.022, (0, 0.01), "back"), wide / 2, 0.025)
    gap = draw.uniform(0.02, 0.05)
    chair.add("chair_head/headrest", placed(head, top + up * (gap + tall / 2) + (0, 0, 0.012), pitch - 0.08))
    stems = [
        rod(top - 0.05 * up + (x, 0, 0), top + (gap + 0.6 * tall) * up + (x, 0, 0.002), 0.007, 10)
        for x in (-0.05, 0.05)
    ]
    chair.add("chair_head/head_connector", *stems)


def _arms(chair: Assembly, draw: np.random.Generator, half: float, under: float, level: float) -> None:
    """Pads on posts that come out sideways from below the seat."""
    x, z = half + draw.uniform(0.035, 0.06), draw.uniform(-0.06, 0.0)
    if draw.random() < 0.5:
        path = filleted([(half - 0.12, under - 0.004, z), (x, under - 0.004, z), (x, level - 0.012, z + 0.01)], 0.05)
        post = sweep(path, rounded_rectangle(0.05, 0.022, 0.007), bevel=0.003, up=(0, 1, 0))
        chair.add_pair(ARM_SUPPORT, post)
    else:
        corners = [(half - 0.12, under - 0.004, z + 0.08), (x, under - 0.004, z + 0.09), (x, level - 0.012, z + 0.13)]
        corners += [(x, level - 0.012, z - 0.12), (x, under - 0.004, z - 0.09), (half - 0.12, under - 0.004, z - 0.08)]
        loop = sweep(filleted(corners, 0.06), ellipse(0.022, 0.03, 12), bevel=0.003, up=(0, 1, 0.2))
        chair.add_pair(ARM_FRAME, loop)
    rest = pad(
        rounded_rectangle(draw.uniform(0.06, 0.085), draw.uniform(0.24, 0.29), 0.028, 7, 3), 0.03, 0.012, (0, 0.004)
    )
    chair.add_pair(ARM_PAD, placed(rest, (x, level, z + 0.02)))
    chair.add(
        SUPPORT,
        rail((-half + 0.1, under - 0.004, z), (half - 0.1, under - 0.004, z), rounded_rectangle(0.05, 0.02, 0.005)),
    )

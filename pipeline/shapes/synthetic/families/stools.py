"""Seats without arms and with little or no back: stools and bar stools."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import HARD_BACK, POST, SOFT_BACK
from pipeline.shapes.synthetic.curves import Points, ellipse, rounded_rectangle, spline
from pipeline.shapes.synthetic.legs import LEG, STRETCHER, LegMaker, box_stretchers, four_legs, leg_maker
from pipeline.shapes.synthetic.members import Member, bar, rod, tube
from pipeline.shapes.synthetic.seats import HARD_SEAT, SOFT_SEAT, SUPPORT
from pipeline.shapes.synthetic.solids import pad, placed
from pipeline.shapes.synthetic.upholstery import curved


def stool(draw: np.random.Generator) -> Assembly:
    """A low stool: round or square top on three or four splayed legs."""
    chair = Assembly()
    size, top = draw.uniform(0.32, 0.4), draw.uniform(0.42, 0.5)
    round_top = draw.random() < 0.6
    outline = ellipse(size, size, 40) if round_top else rounded_rectangle(size, 0.9 * size, 0.04, 6, 4)
    under = _top(chair, draw, outline, top)
    maker = leg_maker(draw, ("round", "turned", "vase", "square"), draw.uniform(0.030, 0.038))
    count = int(draw.integers(3, 5))
    legs = _radial_legs(chair, maker, count, (0.33 * size, draw.uniform(0.44, 0.54) * size), under + 0.008)
    if draw.random() < 0.4:
        _ring(chair, legs, draw.uniform(0.16, 0.22))
    else:
        _polygon_stretchers(chair, legs, draw.uniform(0.14, 0.2))
    return chair


def bar_stool(draw: np.random.Generator) -> Assembly:
    """A tall stool with a footrest; often a low bent back."""
    chair = Assembly()
    size, top = draw.uniform(0.36, 0.42), draw.uniform(0.66, 0.78)
    outline = rounded_rectangle(size, 0.95 * size, draw.uniform(0.04, 0.15), 7, 4)
    under = _top(chair, draw, outline, top)
    corner, splay = 0.38 * size, draw.uniform(0.04, 0.08)
    maker = leg_maker(draw, ("square", "round", "turned"), draw.uniform(0.034, 0.04))
    legs = four_legs(chair, maker, (corner, corner), (corner, -corner), under + 0.008, (splay, splay, splay))
    low = draw.uniform(0.24, 0.3)
    box_stretchers(chair, legs, (low, low + 0.08, low + 0.04), 0.024, round_bars=draw.random() < 0.5)
    if draw.random() < 0.65:
        _low_back(chair, draw, 0.42 * size, under, top + draw.uniform(0.2, 0.34))
    return chair


def _top(chair: Assembly, draw: np.random.Generator, outline: Points, top: float) -> float:
    """A wooden top, or a cushion on a board; returns the height of its underside."""
    if draw.random() < 0.5:
        thickness = draw.uniform(0.028, 0.04)
        wood = pad(outline, thickness, 0.4 * thickness, (0.0, -0.006))
        chair.add(HARD_SEAT, placed(wood, (0, top - thickness / 2, 0)))
        return top - thickness
    soft = draw.uniform(0.04, 0.058)
    chair.add(SOFT_SEAT, placed(pad(outline, soft, 0.45 * soft, (0.0, 0.018)), (0, top - soft / 2, 0)))
    chair.add(SUPPORT, placed(pad(0.94 * outline, 0.022, 0.004), (0, top - soft - 0.007, 0)))
    return top - soft - 0.018


def _radial_legs(
    chair: Assembly, make: LegMaker, count: int, radii: tuple[float, float], height: float
) -> list[Member]:
    """Legs evenly around the axis; ``radii`` of their tops and feet."""
    legs = []
    for angle in np.pi / count + np.arange(count) * (2 * np.pi / count):
        away = np.array([np.sin(angle), 0.0, np.cos(angle)])
        legs.append(make(radii[1] * away, radii[0] * away + (0, height, 0)))
        chair.add(LEG, legs[-1].mesh)
    return legs


def _polygon_stretchers(chair: Assembly, legs: list[Member], height: float) -> None:
    """Bars between neighbours, every other one higher, so that they do not meet inside a leg."""
    for i, leg in enumerate(legs):
        level = height + 0.035 * (i % 2) + (0.07 if len(legs) % 2 and i == len(legs) - 1 else 0.0)
        chair.add(STRETCHER, rod(leg.at(level), legs[(i + 1) % len(legs)].at(level), 0.009, swell=0.25))


def _ring(chair: Assembly, legs: list[Member], height: float) -> None:
    """A round tube that passes through all legs."""
    radius = float(np.linalg.norm(legs[0].at(height)[[0, 2]]))
    flat = ellipse(2 * radius, 2 * radius, 40)
    path = np.stack([flat[:, 0], np.full(40, height), flat[:, 1]], axis=1)
    chair.add(STRETCHER, tube(path, 0.008, up=(0, 1, 0), closed=True, segments=10))


def _low_back(chair: Assembly, draw: np.random.Generator, x: float, under: float, high: float) -> None:
    """A bent panel on two posts that rise from the seat's underside."""
    lean, z = draw.uniform(0.03, 0.07), -0.8 * x
    path = spline(
        [(0.8 * x, under - 0.02, z), (0.8 * x, (under + high) / 2, z - 0.06), (0.82 * x, high, z - 0.06 - lean)], 12
    )
    post = bar(path, rounded_rectangle(0.024, 0.024, 0.008))
    chair.add_pair(POST, post.mesh)
    tall = draw.uniform(0.09, 0.15)
    soft = draw.random() < 0.5
    outline = rounded_rectangle(2 * x + 0.02, tall, 0.04, 6, 6)
    panel = pad(outline, 0.045 if soft else 0.016, 0.02 if soft else 0.006, (0.0, 0.008 if soft else 0.0), "back")
    middle = post.at(high - 0.3 * tall) * (0, 1, 1) + (0, 0, 0.026 if soft else 0.012)
    bend = draw.uniform(0.02, 0.04)
    chair.add(SOFT_BACK if soft else HARD_BACK, placed(curved(panel, x, bend), middle - (0, 0, 0.66 * bend), 0.2))

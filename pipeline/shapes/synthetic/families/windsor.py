"""Windsor chairs: spindles and splayed legs socketed into a carved seat."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.arms import ARM_SUPPORT, ARM_TOP
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import BACK_FRAME, POST, RAIL, SPINDLE
from pipeline.shapes.synthetic.curves import Points, rounded_rectangle, spline
from pipeline.shapes.synthetic.legs import four_legs, h_stretchers, leg_maker
from pipeline.shapes.synthetic.members import rod, tube, turned
from pipeline.shapes.synthetic.seats import HARD_SEAT, saddle, seat_outline
from pipeline.shapes.synthetic.solids import placed, sweep


def windsor(draw: np.random.Generator) -> Assembly:
    """Hoop or comb back of spindles; sometimes an arm bow carried by short spindles."""
    chair = Assembly()
    width, depth, top = draw.uniform(0.43, 0.52), draw.uniform(0.41, 0.46), draw.uniform(0.43, 0.46)
    thickness = draw.uniform(0.035, 0.045)
    seat = saddle(seat_outline(width, depth, draw.uniform(0.05, 0.2)), thickness, draw.uniform(0.008, 0.016))
    chair.add(HARD_SEAT, placed(seat, (0, top - thickness / 2, 0)))
    corner = 0.32 * width, 0.3 * depth
    splay = (draw.uniform(0.04, 0.08), draw.uniform(0.03, 0.06), draw.uniform(0.06, 0.1))
    maker = leg_maker(draw, ("turned", "vase", "round"), draw.uniform(0.036, 0.044))
    back_legs = (0.88 * corner[0], -corner[1])
    legs = four_legs(chair, maker, corner, back_legs, top - thickness + 0.012, splay)
    h_stretchers(chair, legs, draw.uniform(0.15, 0.2), 0.022)
    count = int(draw.integers(5, 10))
    height, lean = draw.uniform(0.88, 1.05), draw.uniform(0.08, 0.15)
    if draw.random() < 0.5:
        _hoop_back(chair, (width, depth, top), count, height, lean)
    else:
        _comb_back(chair, draw, (width, depth, top), count, height, lean)
    if draw.random() < 0.6:
        _arm_bow(chair, (width, depth, top), draw.uniform(0.2, 0.24), lean * 0.23 / (height - top))
    return chair


def _foot_of_spindle(size: tuple[float, float, float], place: float) -> Points:
    """Socket (3,) on the curved back rim of a seat of (width, depth, top); ``place`` from -1 to 1."""
    width, depth, top = size
    return np.array([0.34 * width * place, top - 0.012, -0.43 * depth + 0.035 * place**2])


def _hoop_back(chair: Assembly, size: tuple[float, float, float], count: int, height: float, lean: float) -> None:
    width = size[0]
    angle = np.linspace(0, np.pi, 41)
    across, rise = np.cos(angle), np.sin(angle) ** 0.7
    span = 0.40 * width * (1 + 0.12 * np.sin(angle))
    foot = _foot_of_spindle(size, 1.0)
    path = np.stack(
        [span * across, foot[1] + (height - foot[1]) * rise, foot[2] + 0.02 * across**2 - 0.02 - lean * rise], axis=1
    )
    chair.add(BACK_FRAME, tube(path, 0.011, up=(0, 0, 1)))
    order = np.argsort(path[:, 0])
    for place in np.linspace(-0.85, 0.85, count):
        x = 0.9 * 0.40 * width * place
        target = [np.interp(x, path[order, 0], path[order, axis]) for axis in range(3)]
        chair.add(SPINDLE, rod(_foot_of_spindle(size, 0.88 * place), target, 0.0055, 10, swell=0.35))


def _comb_back(
    chair: Assembly, draw: np.random.Generator, size: tuple[float, float, float], count: int, height: float, lean: float
) -> None:
    width, depth, _ = size
    half, tall = draw.uniform(0.40, 0.46) * width, draw.uniform(0.05, 0.08)
    across = np.linspace(-1, 1, 17)
    z = -0.43 * depth - lean + 0.05 * across**2 - 0.01
    crest = np.stack([half * across, np.full(17, height - tall / 2) + 0.012 * (1 - across**2), z], axis=1)
    ends = np.stack([np.ones(17), 1 - 0.35 * np.abs(across) ** 3], axis=1)
    chair.add(RAIL, sweep(crest, rounded_rectangle(0.02, tall, 0.008), ends, bevel=0.006))
    for place in np.linspace(-0.9, 0.9, count):
        target = [np.interp(place * half, crest[:, 0], crest[:, axis]) for axis in range(3)]
        foot = _foot_of_spindle(size, place)
        outer = abs(place) > 0.89
        if outer:
            r = 0.0125
            controls = [
                (0, 0.7 * r),
                (0.15, r),
                (0.22, 0.6 * r),
                (0.26, r),
                (0.5, 1.1 * r),
                (0.8, 0.8 * r),
                (1, 0.6 * r),
            ]
            chair.add(POST, turned(foot, target, controls, 14).mesh)
        else:
            chair.add(SPINDLE, rod(foot, target, 0.0055, 10, swell=0.35))


def _arm_bow(chair: Assembly, size: tuple[float, float, float], rise: float, lean: float) -> None:
    """One half of the bow on each side, on three short spindles; it passes behind the back's spindles."""
    width, depth, top = size
    level = top + rise
    back = np.array([0.0, level, -0.43 * depth - lean])
    points = [
        back,
        (0.26 * width, level, back[2] + 0.02),
        (0.5 * width, level, -0.2 * depth),
        (0.55 * width, level - 0.004, 0.12 * depth),
        (0.53 * width, level - 0.006, 0.28 * depth),
    ]
    path = spline(points, 24)
    flare = np.stack([1 + 0.6 * np.linspace(0, 1, 24) ** 2, np.ones(24)], axis=1)
    chair.add_pair(ARM_TOP, sweep(path, rounded_rectangle(0.036, 0.02, 0.008), flare, bevel=0.008))
    for place, share in ((14, 0.42), (17, 0.44), (21, 0.45)):
        foot = np.array([share * width, top - 0.02, path[place, 2] * 0.8])
        support = rod(foot, path[place], 0.008, 10, swell=0.4)
        chair.add_pair(ARM_SUPPORT, support)

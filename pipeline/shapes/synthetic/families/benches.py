"""Slatted benches and lounge chairs with loose cushions."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.arms import ARM_TOP, wooden_arms
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import (
    POST,
    RAIL,
    SLAT,
    SOFT_BACK,
    BackSurface,
    cross_rail,
    post_path,
    square_posts,
    vertical_slats,
)
from pipeline.shapes.synthetic.curves import MIRROR, Points, line, rounded_rectangle, spline, vector
from pipeline.shapes.synthetic.legs import LEG, STRETCHER, cross_stretcher, four_legs, leg_maker, side_stretchers
from pipeline.shapes.synthetic.members import bar
from pipeline.shapes.synthetic.seats import FRAME_BAR, SOFT_SEAT, Seat, aprons
from pipeline.shapes.synthetic.solids import placed, sweep
from pipeline.shapes.synthetic.upholstery import cushion

SEAT_SLAT = "chair_seat/seat_surface/seat_surface_horizontal_bar"


def bench(draw: np.random.Generator) -> Assembly:
    """A garden bench: a seat of long slats, a slatted back, arms."""
    chair = Assembly()
    seat = Seat(draw.uniform(1.05, 1.45), draw.uniform(0.42, 0.48), draw.uniform(0.42, 0.45))
    thickness = draw.uniform(0.048, 0.058)
    inset, under = 0.5 * thickness, seat.top - 0.022
    front, back = seat.corner(inset, True), seat.corner(inset, False)
    legs = four_legs(
        chair, leg_maker(draw, ("square",), thickness), front, back, under, (0.0, 0.0, draw.uniform(0.02, 0.06))
    )
    aprons(chair, legs, under + 0.003, 0.075, 0.026)
    side_stretchers(chair, legs, 0.14, 0.03, round_bars=False)
    middle = (legs.front.at(0.14) + legs.back.at(0.14)) / 2
    chair.add(
        STRETCHER,
        sweep(line(middle * MIRROR, middle), rounded_rectangle(0.024, 0.042, 0.005)),
    )
    count = int(draw.integers(5, 8))
    pitch = seat.depth / count
    for z in (np.arange(count) - (count - 1) / 2) * pitch:
        path = line((-seat.width / 2, seat.top - 0.011, z + 0.012), (seat.width / 2, seat.top - 0.011, z + 0.012))
        chair.add(SEAT_SLAT, sweep(path, rounded_rectangle(0.82 * pitch, 0.024, 0.006), bevel=0.003))
    if draw.random() < 0.8:
        _bench_back(chair, draw, seat, (front, back), thickness)
    return chair


def _bench_back(
    chair: Assembly,
    draw: np.random.Generator,
    seat: Seat,
    corners: tuple[tuple[float, float], tuple[float, float]],
    thickness: float,
) -> None:
    front, back = corners
    high = draw.uniform(0.82, 0.95)
    post = square_posts(chair, post_path(draw, *back, seat.top - 0.06, high), 0.95 * thickness, 0.9 * thickness)
    surface = BackSurface(post, 0.0)
    chair.add(RAIL, cross_rail(surface, high - 0.03, (0.028, 0.07), arch=draw.uniform(0.0, 0.05)))
    low = seat.top + draw.uniform(0.06, 0.12)
    chair.add(RAIL, cross_rail(surface, low, (0.026, 0.05)))
    if draw.random() < 0.6:
        vertical_slats(chair, surface, int(seat.width / draw.uniform(0.075, 0.13)), (low, high - 0.04), (0.042, 0.013))
    else:
        for height in np.linspace(low, high - 0.03, int(draw.integers(4, 6)))[1:-1]:
            chair.add(SLAT, cross_rail(surface, height, (0.016, 0.06)))
    if draw.random() < 0.75:
        base = np.array([front[0], seat.top - 0.04, front[1]])
        wooden_arms(chair, draw, post.at(seat.top + draw.uniform(0.19, 0.22)), base, turned_support=False)


def lounge(draw: np.random.Generator) -> Assembly:
    """A low easy chair: wooden side frames, a raked back of slats, loose cushions, a headrest."""
    chair = Assembly()
    half, front, rear = draw.uniform(0.29, 0.32), draw.uniform(0.3, 0.34), -draw.uniform(0.3, 0.34)
    fore, aft = draw.uniform(0.34, 0.38), draw.uniform(0.25, 0.29)
    arm = draw.uniform(0.52, 0.57)
    section = rounded_rectangle(0.032, 0.05, 0.012)
    front_leg = bar(
        spline([(half + 0.01, 0, front + 0.01), (half, fore, front - 0.01), (half, arm, front - 0.03)], 12),
        section,
        np.linspace(0.7, 1.0, 12),
    )
    back_leg = bar(
        spline([(half + 0.01, 0, rear - 0.07), (half, aft, rear + 0.03), (half, arm - 0.03, rear + 0.1)], 12),
        section,
        np.linspace(0.7, 1.0, 12),
    )
    for leg in (front_leg, back_leg):
        chair.add_pair(LEG, leg.mesh)
    start, end = back_leg.top, front_leg.top
    rest = spline(
        [
            start - (0, 0.01, 0.06),
            (half + 0.012, (start[1] + end[1]) / 2 + 0.012, (start[2] + end[2]) / 2),
            end + vector(0, 0.004, 0.06),
        ],
        16,
    )
    scale = np.stack([np.linspace(0.75, 1.25, 16), np.ones(16)], axis=1)
    chair.add_pair(ARM_TOP, sweep(rest, rounded_rectangle(0.06, 0.026, 0.011), scale, bevel=0.008))
    low, high = back_leg.at(aft), front_leg.at(fore)
    side = sweep(line(low, high), rounded_rectangle(0.024, 0.06, 0.008), bevel=0.004)
    chair.add_pair(FRAME_BAR, side)
    for share in (0.12, 0.5, 0.9):
        place = low + share * (high - low)
        chair.add(FRAME_BAR, sweep(line(place * MIRROR, place), rounded_rectangle(0.05, 0.02, 0.006)))
    cross_stretcher(chair, front_leg, fore - 0.03, 0.03, round_bars=False)
    _reclined(chair, draw, half, low, high)
    return chair


def _reclined(chair: Assembly, draw: np.random.Generator, half: float, low: Points, high: Points) -> None:
    """The slatted back and the cushions, on side rails from ``low`` (rear) to ``high`` (front)."""
    tilt = float(np.arctan2(high[1] - low[1], high[2] - low[2]))
    pitch = draw.uniform(0.42, 0.56)
    along, up = np.array([0, np.sin(tilt), np.cos(tilt)]), np.array([0, np.cos(pitch), -np.sin(pitch)])
    root = low + 0.07 * along
    tall, x = draw.uniform(0.6, 0.7), half - 0.03
    root = root * (0, 1, 1) + (x, 0, 0)
    post = bar(line(root - 0.04 * up, root + tall * up, 4), rounded_rectangle(0.03, 0.034, 0.008))
    chair.add_pair(POST, post.mesh)
    surface = BackSurface(post, 0.0)
    for height in np.linspace(root[1] + 0.1, post.top[1] - 0.03, int(draw.integers(4, 7))):
        chair.add(SLAT, cross_rail(surface, height, (0.014, 0.045)))
    thick = draw.uniform(0.09, 0.12)
    lift, out = np.array([0, np.cos(tilt), -np.sin(tilt)]), np.array([0, np.sin(pitch), np.cos(pitch)])
    deep, wide = float(np.linalg.norm(high - low)) - 0.06, 2 * half - 0.05
    seat = cushion((wide, deep, thick), 0.02, flat_side=True)
    chair.add(SOFT_SEAT, placed(seat, low * (0, 1, 1) + along * (0.1 + deep / 2) + lift * (thick / 2 + 0.008), tilt))
    back = cushion((wide, tall - 0.02, thick), 0.02, "back", flat_side=True)
    middle = root * (0, 1, 1) + up * (0.06 + tall / 2) + out * (thick / 2 + 0.008)
    chair.add(SOFT_BACK, placed(back, middle, pitch))
    if draw.random() < 0.6:
        head = cushion((0.75 * wide, 0.17, 0.07), 0.02, "back")
        chair.add("chair_head/headrest", placed(head, middle + up * (tall / 2 - 0.1) + out * (thick / 2 + 0.03), pitch))

"""Rocking chairs."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.arms import wooden_arms
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import (
    RAIL,
    SLAT,
    BackSurface,
    cross_rail,
    post_path,
    square_posts,
    vertical_slats,
)
from pipeline.shapes.synthetic.curves import rounded_rectangle
from pipeline.shapes.synthetic.legs import FourLegs, box_stretchers, four_legs, leg_maker
from pipeline.shapes.synthetic.seats import aprons, draw_seat, draw_top
from pipeline.shapes.synthetic.solids import sweep


def rocking(draw: np.random.Generator) -> Assembly:
    """A high slatted back, arms, and four legs on two bent rockers."""
    chair, seat = Assembly(), draw_seat(draw, width=(0.46, 0.54), top=(0.39, 0.43))
    thickness = draw.uniform(0.036, 0.042)
    high, inset = draw.uniform(1.0, 1.15), 0.5 * thickness
    under = seat.top - draw_top(chair, draw, seat)
    front, back = seat.corner(inset, True), seat.corner(inset, False)
    maker = leg_maker(draw, ("square", "turned", "round"), thickness)
    legs = four_legs(chair, maker, front, back, under + 0.01, (draw.uniform(0.0, 0.03), 0.015, 0.03))
    aprons(chair, legs, under + 0.004, 0.055, 0.02)
    box_stretchers(chair, legs, (0.2, 0.14, 0.18), 0.022, round_bars=draw.random() < 0.6)
    _rockers(chair, draw, legs)
    post = square_posts(chair, post_path(draw, *back, under - 0.01, high), 0.95 * thickness, thickness)
    surface = BackSurface(post, draw.uniform(0.02, 0.05))
    crest = draw.uniform(0.07, 0.11)
    chair.add(RAIL, cross_rail(surface, high - 0.4 * crest, (0.024, crest), arch=draw.uniform(0.0, 0.03)))
    low = seat.top + draw.uniform(0.06, 0.1)
    if draw.random() < 0.6:
        chair.add(RAIL, cross_rail(surface, low, (0.022, 0.04)))
        vertical_slats(chair, surface, int(draw.integers(5, 9)), (low, high - 0.5 * crest), (0.026, 0.011))
    else:
        for height in np.linspace(low + 0.05, high - 2.0 * crest, int(draw.integers(3, 6))):
            chair.add(SLAT, cross_rail(surface, height, (0.013, 0.06), arch=0.01))
    base = np.array([front[0] + inset, seat.top - 0.015, front[1] - draw.uniform(0.0, 0.04)])
    wooden_arms(chair, draw, post.at(seat.top + draw.uniform(0.2, 0.24)), base, turned_support=draw.random() < 0.5)
    return chair


def _rockers(chair: Assembly, draw: np.random.Generator, legs: FourLegs) -> None:
    """Arcs on which the feet stand, longer behind than in front."""
    front, back = legs.front.path[0], legs.back.path[0]
    middle, reach = (front[2] + back[2]) / 2, (front[2] - back[2]) / 2
    radius = draw.uniform(0.85, 1.2)
    z = np.linspace(-reach - draw.uniform(0.22, 0.3), reach + draw.uniform(0.1, 0.16), 28)
    x = np.interp(z, [-reach, reach], [back[0], front[0]])
    path = np.stack([x, (z**2 - reach**2) / (2 * radius), z + middle], axis=1)
    taper = np.interp(np.linspace(0, 1, 28), [0, 0.15, 0.85, 1], [0.75, 1, 1, 0.75])
    chair.add_pair(
        "chair_base/regular_leg_base/rocker", sweep(path, rounded_rectangle(0.03, 0.04, 0.008), taper, bevel=0.006)
    )

"""Dining chairs with slatted, splat or padded backs, and ladder-backs."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.arms import wooden_arms
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import (
    HARD_BACK,
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
from pipeline.shapes.synthetic.curves import rounded_rectangle
from pipeline.shapes.synthetic.legs import box_stretchers, draw_stretchers, four_legs, leg_maker
from pipeline.shapes.synthetic.members import turned
from pipeline.shapes.synthetic.seats import aprons, draw_seat, draw_top, woven_seat
from pipeline.shapes.synthetic.solids import pad, placed, sweep
from pipeline.shapes.synthetic.upholstery import curved


def dining(draw: np.random.Generator) -> Assembly:
    """Square or turned legs, apron, board or cushion, a framed back; sometimes arms."""
    chair, seat = Assembly(), draw_seat(draw)
    thickness = draw.uniform(0.034, 0.044)
    high = draw.uniform(0.84, 1.0)
    inset = 0.5 * thickness
    under = seat.top - draw_top(chair, draw, seat)
    front, back = seat.corner(inset, True), seat.corner(inset, False)
    splay = (draw.uniform(0.0, 0.02), draw.uniform(0.0, 0.02), draw.uniform(0.02, 0.06))
    legs = four_legs(
        chair, leg_maker(draw, ("square", "square", "round", "sabre"), thickness), front, back, under + 0.01, splay
    )
    aprons(chair, legs, under + 0.004, draw.uniform(0.045, 0.07), 0.02)
    draw_stretchers(chair, draw, legs, draw.uniform(0.018, 0.024), round_bars=draw.random() < 0.4)
    post = square_posts(chair, post_path(draw, *back, under - 0.01, high), 0.9 * thickness, thickness)
    surface = BackSurface(post, draw.uniform(0.0, 0.035))
    crest, low = draw.uniform(0.05, 0.085), seat.top + draw.uniform(0.07, 0.14)
    chair.add(RAIL, cross_rail(surface, high - 0.4 * crest, (0.022, crest), arch=draw.uniform(0.0, 0.03)))
    chair.add(RAIL, cross_rail(surface, low, (0.02, 0.035)))
    _filling(chair, draw, surface, (low, high - 0.5 * crest), seat.width)
    if draw.random() < 0.35:
        base = np.array([front[0] + inset, seat.top - 0.015, front[1] - draw.uniform(0.03, 0.08)])
        wooden_arms(chair, draw, post.at(seat.top + draw.uniform(0.19, 0.23)), base, turned_support=False)
    return chair


def _filling(
    chair: Assembly, draw: np.random.Generator, surface: BackSurface, span: tuple[float, float], width: float
) -> None:
    """What lies between the rails at the heights ``span``: slats, one shaped splat, or an upholstered panel."""
    kind = draw.random()
    if kind < 0.6:
        count = int(draw.integers(3, 8))
        slat = (min(draw.uniform(0.018, 0.06), 1.1 * width / (2 * count + 1)), 0.011)
        vertical_slats(chair, surface, count, span, slat, fan=draw.uniform(0.85, 1.05))
    elif kind < 0.8:
        path = surface.vertical(0.0, *span, samples=24)
        where = np.linspace(0, 1, 24)
        waist = 1 + 0.45 * np.cos(2 * np.pi * (where - draw.uniform(0.0, 0.3)) * draw.uniform(0.8, 1.4))
        scale = np.stack([waist, np.ones(24)], axis=1)
        splat = rounded_rectangle(draw.uniform(0.1, 0.16), 0.012, 0.004)
        chair.add(HARD_BACK, sweep(path, splat, scale, up=(0, 0, 1)))
    else:
        middle = (span[0] + span[1]) / 2
        wide, tall = 2 * surface.post.at(middle)[0] - 0.01, span[1] - span[0]
        panel = pad(rounded_rectangle(wide, tall + 0.02, 0.02, 5, 7), 0.034, 0.015, (0.004, 0.012), "back")
        rake = surface.post.at(span[0])[2] - surface.post.at(span[1])[2]
        soft = placed(curved(panel, wide / 2, surface.bow), surface.point(middle, 0.0), float(np.arctan2(rake, tall)))
        chair.add(SOFT_BACK, soft)


def ladder_back(draw: np.random.Generator) -> Assembly:
    """Turned posts with finials, bowed horizontal slats, a rush seat and many round stretchers."""
    chair, seat = Assembly(), draw_seat(draw)
    thickness, high = draw.uniform(0.032, 0.038), draw.uniform(0.95, 1.12)
    front, back = seat.corner(0.01, True), seat.corner(0.01, False)
    legs = four_legs(chair, leg_maker(draw, ("round", "turned"), thickness), front, back, seat.top + 0.012)
    woven_seat(chair, seat, legs, draw.uniform(0.026, 0.036))
    for level in np.linspace(0.13, 0.29, int(draw.integers(1, 4))):
        box_stretchers(chair, legs, (level + 0.03, level, level + 0.03), 0.021, round_bars=True)
    radius, rake = 0.45 * thickness, draw.uniform(0.06, 0.12)
    finial = [(0.93, radius), (0.945, 0.55 * radius), (0.97, 1.15 * radius), (0.99, 0.8 * radius), (1.0, 0.2 * radius)]
    top = np.array([back[0], high, back[1] - rake])
    post = turned((back[0], seat.top - 0.005, back[1]), top, [(0.0, 1.05 * radius), (0.5, radius), *finial], 16)
    chair.add_pair(POST, post.mesh)
    surface = BackSurface(post, draw.uniform(0.02, 0.045))
    count = int(draw.integers(3, 6))
    arch, size = draw.uniform(0.005, 0.03), draw.uniform(0.04, 0.06)
    for height in np.linspace(seat.top + 0.14, high - 0.085, count):
        taller = size * (0.8 + 0.4 * (height - seat.top) / (high - seat.top))
        chair.add(SLAT, cross_rail(surface, height, (0.012, taller), arch=arch))
    if draw.random() < 0.4:
        base = legs.front.top - (0.0, 0.012, 0.0)
        wooden_arms(chair, draw, post.at(seat.top + draw.uniform(0.2, 0.24)), base, turned_support=True)
    return chair

"""Seats on legs: boards, cushions, woven seats, and the frame bars beneath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.curves import MIRROR, UP, Points, rounded_rectangle, superellipse, tapered
from pipeline.shapes.synthetic.legs import FourLegs
from pipeline.shapes.synthetic.members import rail, rod
from pipeline.shapes.synthetic.solids import deformed, pad, placed

HARD_SEAT = "chair_seat/seat_surface/seat_hard_surface"
SOFT_SEAT = "chair_seat/seat_surface/seat_soft_surface"
FRAME_BAR = "chair_seat/seat_frame/seat_frame_horizontal_bar"
SUPPORT = "chair_seat/seat_support"


@dataclass(frozen=True)
class Seat:
    """Place and size of a seat centred at x = z = 0, in metres: ``top`` is its surface's height.

    ``taper`` is how much wider the front is than the back, relative to the width.
    """

    width: float
    depth: float
    top: float
    taper: float = 0.0

    def corner(self, inset: float, front: bool) -> tuple[float, float]:
        """(x, z) of the left front or back corner, moved ``inset`` towards the middle."""
        sign = 1 if front else -1
        return self.width / 2 * (1 + sign * self.taper / 2) - inset, sign * (self.depth / 2 - inset)


def draw_seat(
    draw: np.random.Generator, width: tuple[float, float] = (0.41, 0.49), top: tuple[float, float] = (0.43, 0.47)
) -> Seat:
    """A dining chair's seat, proportions drawn."""
    return Seat(draw.uniform(*width), draw.uniform(0.39, 0.46), draw.uniform(*top), draw.uniform(0.0, 0.18))


def board_seat(chair: Assembly, seat: Seat, thickness: float, dish: float = 0.0, overhang: float = 0.012) -> None:
    """A wooden board with rounded corners, hollowed by ``dish``."""
    board = pad(_outline(seat, overhang), thickness, 0.4 * thickness)
    board = deformed(board, lambda v: _dished(v, seat, dish))
    chair.add(HARD_SEAT, placed(board, (0, seat.top - thickness / 2, 0)))


def cushion_seat(chair: Assembly, seat: Seat, thickness: float, crown: float, overhang: float = 0.01) -> None:
    """An upholstered pad whose front edge falls off."""
    cushion = pad(_outline(seat, overhang), thickness, 0.45 * thickness, (0.0, crown))
    cushion = deformed(cushion, lambda v: _waterfall(v, seat.depth, 0.25 * thickness))
    chair.add(SOFT_SEAT, placed(cushion, (0, seat.top - thickness / 2, 0)))


def draw_top(chair: Assembly, draw: np.random.Generator, seat: Seat) -> float:
    """A board or a cushion on top; returns its thickness, so that legs and frame can meet its underside."""
    if draw.random() < 0.5:
        thickness = draw.uniform(0.018, 0.028)
        board_seat(chair, seat, thickness, dish=draw.uniform(0.0, 0.008), overhang=draw.uniform(0.0, 0.015))
    else:
        thickness = draw.uniform(0.04, 0.06)
        cushion_seat(chair, seat, thickness, crown=draw.uniform(0.008, 0.025))
    return thickness


def woven_seat(chair: Assembly, seat: Seat, legs: FourLegs, thickness: float) -> None:
    """A rush seat wrapped around four round rails between the legs."""
    mat = pad(_outline(seat, -0.006, radius=0.012), thickness, 0.45 * thickness, (0.004, -0.008))
    height = seat.top - thickness / 2
    chair.add(SOFT_SEAT, placed(mat, (0, height, 0)))
    front, back = legs.front.at(height), legs.back.at(height)
    for start, end in ((front * MIRROR, front), (back * MIRROR, back)):
        chair.add(FRAME_BAR, rod(start, end, 0.42 * thickness))
    chair.add_pair(FRAME_BAR, rod(front, back, 0.42 * thickness))


def aprons(chair: Assembly, legs: FourLegs, top: float, height: float, thickness: float) -> None:
    """Four frame bars between the legs, their upper edge at ``top``."""
    section = rounded_rectangle(thickness, height, 0.15 * thickness)
    front, back = (leg.at(top - height / 2) * (1, 0, 1) + (0, top - height / 2, 0) for leg in (legs.front, legs.back))
    for end in (front, back):
        chair.add(FRAME_BAR, rail(end * MIRROR, end, section))
    chair.add_pair(FRAME_BAR, rail(back, front, section))


def saddle(outline: Points, thickness: float, dip: float) -> trimesh.Trimesh:
    """A carved wooden seat: two hollows with a ridge between them at the front, centred at the origin."""
    half = np.abs(outline).max(axis=0)

    def carve(v: Points) -> Points:
        x, z = v[:, 0] / half[0], v[:, 2] / half[1]
        hollow = np.clip(1 - x**2 - (z + 0.1) ** 2, 0, 1)
        ridge = 0.7 * np.exp(-((x / 0.16) ** 2)) * np.clip(z + 0.3, 0, 1)
        drop = np.where(v[:, 1] > 0, dip * hollow * (1 - ridge), 0.0)
        return v - np.outer(drop, UP)

    return deformed(pad(outline, thickness, 0.42 * thickness), carve)


def seat_outline(width: float, depth: float, taper: float) -> Points:
    """A soft-cornered D: wide and full at the front, narrower at the back."""
    return tapered(superellipse(width, depth, 3.2, 48), taper)


def _outline(seat: Seat, overhang: float, radius: float = 0.035) -> Points:
    flat = rounded_rectangle(seat.width + 2 * overhang, seat.depth + 2 * overhang, radius, 6, 6)
    return tapered(flat, seat.taper)


def _dished(v: Points, seat: Seat, dish: float) -> Points:
    hollow = np.clip(1 - (2 * v[:, 0] / seat.width) ** 2, 0, 1) * np.clip(1 - (2 * v[:, 2] / seat.depth) ** 2, 0, 1)
    return v - np.outer(dish * hollow, UP)


def _waterfall(v: Points, depth: float, drop: float) -> Points:
    fall = drop * np.clip(v[:, 2] / (depth / 2) - 0.5, 0, 1) ** 2 * 4 * (v[:, 1] > 0)
    return v - np.outer(fall, UP)

"""Folding chairs: crossed legs, the front pair running up into the back, the rear pair carrying the seat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import BACK_FRAME, POST, SLAT
from pipeline.shapes.synthetic.curves import MIRROR, Points, filleted, line, rounded_rectangle, vector
from pipeline.shapes.synthetic.legs import LEG, STRETCHER
from pipeline.shapes.synthetic.members import rail, rod, tube
from pipeline.shapes.synthetic.panels import back_panel, seat_panel
from pipeline.shapes.synthetic.seats import SUPPORT
from pipeline.shapes.synthetic.solids import sweep


@dataclass(frozen=True)
class _Cross:
    """Centrelines at x > 0, in metres: front foot, knee (at the seat) and head; rear foot and the seat's front.

    The rear legs stand inside the front ones. ``radius`` is half the bars' thickness.
    """

    foot: Points
    knee: Points
    head: Points
    rear_foot: Points
    rear_top: Points
    radius: float

    @property
    def slope(self) -> float:
        """How far the back leans, per metre of height."""
        return float((self.knee[2] - self.head[2]) / (self.head[1] - self.knee[1]))

    def back_point(self, height: float) -> Points:
        """Point (3,) between the left post and the middle plane: x = 0, on the back's plane."""
        return vector(0.0, height, self.knee[2] - self.slope * (height - self.knee[1]))


def _draw_cross(draw: np.random.Generator, radius: float) -> _Cross:
    half, top, high = draw.uniform(0.2, 0.225), draw.uniform(0.43, 0.46), draw.uniform(0.76, 0.86)
    knee = vector(half, top, -draw.uniform(0.14, 0.17))
    inner = half - 2 * radius + 0.002
    return _Cross(
        foot=vector(half, radius, draw.uniform(0.2, 0.25)),
        knee=knee,
        head=vector(half, high, knee[2] - draw.uniform(0.08, 0.14)),
        rear_foot=vector(inner, radius, -draw.uniform(0.22, 0.27)),
        rear_top=vector(inner, top - 0.016, 0.15),
        radius=radius,
    )


def folding(draw: np.random.Generator) -> Assembly:
    """Steel tube with panels, or wood with slats."""
    return _steel(draw) if draw.random() < 0.5 else _wooden(draw)


def _steel(draw: np.random.Generator) -> Assembly:
    chair, cross = Assembly(), _draw_cross(draw, draw.uniform(0.010, 0.0125))
    half, top, high, radius = cross.knee[0], cross.knee[1], cross.head[1], cross.radius
    chair.add_pair(LEG, tube(line(cross.foot, cross.knee, 3), radius, up=(1, 0, 0)))
    chair.add_pair(LEG, tube(line(cross.rear_foot, cross.rear_top, 3), radius, up=(1, 0, 0)))
    ring = filleted([cross.knee, cross.head, cross.head * MIRROR, cross.knee * MIRROR], draw.uniform(0.05, 0.1), 9)
    chair.add(BACK_FRAME, tube(ring, radius * 1.02, up=(0, 0, 1)))
    for start, end in ((cross.foot, cross.knee), (cross.rear_foot, cross.rear_top)):
        place = start + 0.18 * (end - start)
        chair.add(STRETCHER, rod(place * MIRROR, place, 0.75 * radius))
    seat_panel(chair, draw, (2 * half - 0.012, draw.uniform(0.36, 0.4)), vector(0, top - 0.004, 0.03), 0.04)
    bars = [rod((-half, top - 0.014, z), (half, top - 0.014, z), 0.007) for z in (cross.knee[2] + 0.015, 0.15)]
    chair.add(SUPPORT, *bars)
    tall = draw.uniform(0.14, 0.24)
    middle = cross.back_point(high - draw.uniform(0.02, 0.05) - tall / 2)
    back_panel(chair, draw, (2 * half + 0.01, tall), middle, float(np.arctan(cross.slope)), draw.uniform(0.015, 0.03))
    return chair


def _wooden(draw: np.random.Generator) -> Assembly:
    chair, cross = Assembly(), _draw_cross(draw, draw.uniform(0.011, 0.014))
    section = rounded_rectangle(2.6 * cross.radius, 2 * cross.radius, 0.3 * cross.radius)

    def batten(start: Points, end: Points) -> trimesh.Trimesh:
        return sweep(line(start, end, 3), section, up=(1, 0, 0), bevel=0.003)

    chair.add_pair(LEG, batten(cross.foot, cross.knee))
    chair.add_pair(LEG, batten(cross.rear_foot, cross.rear_top))
    chair.add_pair(POST, batten(cross.knee, cross.head))
    for start, end in ((cross.foot, cross.knee), (cross.rear_foot, cross.rear_top)):
        place = start + draw.uniform(0.15, 0.25) * (end - start)
        chair.add(STRETCHER, rail(place * MIRROR, place, rounded_rectangle(0.016, 0.03, 0.004)))
    bow = (0, 0, -draw.uniform(0.01, 0.03))
    levels = np.linspace(cross.knee[1] + draw.uniform(0.12, 0.2), cross.head[1] - 0.03, int(draw.integers(2, 5)))
    for height in levels:
        end = cross.back_point(height) + vector(cross.knee[0], 0, 0)
        chair.add(SLAT, rail(end * MIRROR, end, rounded_rectangle(0.013, draw.uniform(0.045, 0.06), 0.005), bow))
    _slatted_seat(chair, draw, cross)
    return chair


def _slatted_seat(chair: Assembly, draw: np.random.Generator, cross: _Cross) -> None:
    """Slats across two side battens that run from the knees to the tops of the rear legs."""
    level = cross.rear_top[1] + 0.004
    rear, front = vector(cross.rear_top[0], level, cross.knee[2] + 0.01), vector(cross.rear_top[0], level, 0.19)
    side = sweep(line(rear, front), rounded_rectangle(2.4 * cross.radius, 0.026, 0.005), bevel=0.003)
    chair.add_pair("chair_seat/seat_frame/seat_frame_vertical_bar", side)
    count = int(draw.integers(5, 8))
    pitch = (front[2] - rear[2] + 0.02) / count
    for number in range(count):
        end = vector(cross.knee[0] + 0.004, level + 0.017, rear[2] + (number + 0.5) * pitch)
        slat = rail(end * MIRROR, end, rounded_rectangle(0.8 * pitch, 0.014, 0.005))
        chair.add("chair_seat/seat_surface/seat_surface_horizontal_bar", slat)

"""Four-legged bases: leg styles, and the stretchers between legs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.curves import MIRROR, Points, line, rounded_rectangle, spline
from pipeline.shapes.synthetic.members import Member, bar, rail, rod, turned

LEG = "chair_base/regular_leg_base/leg"
STRETCHER = "chair_base/regular_leg_base/bar_stretcher"

#: Makes a leg from its foot (3,) on the floor to its top (3,).
LegMaker = Callable[[Points, Points], Member]
LegStyle = Literal["square", "round", "turned", "vase", "sabre"]


def leg_maker(draw: np.random.Generator, styles: tuple[LegStyle, ...], thickness: float) -> LegMaker:
    """Choose one of ``styles`` and its taper; ``thickness`` is the leg's at its top, in metres."""
    style = styles[draw.integers(len(styles))]
    foot = thickness * draw.uniform(0.55, 0.85)
    if style == "square":
        return _square(thickness, foot, 0.0)
    if style == "sabre":
        return _square(thickness, foot, draw.uniform(0.01, 0.022))
    radii = _RADII[style]
    swell = draw.uniform(0.9, 1.15)
    controls = [(where, 0.5 * thickness * radius * swell) for where, radius in radii]
    return lambda low, high: turned(low, high, controls)


#: Lathe profiles, (fraction of the length from the foot, radius over half the thickness).
_RADII: dict[str, list[tuple[float, float]]] = {
    "round": [(0.0, 0.6), (0.25, 0.72), (0.7, 1.0), (1.0, 0.92)],
    "turned": [
        (0.0, 0.55), (0.10, 0.62), (0.28, 1.0), (0.36, 0.95), (0.40, 0.6), (0.43, 0.98), (0.47, 0.98),
        (0.50, 0.62), (0.70, 1.1), (0.80, 1.05), (0.85, 0.66), (0.88, 1.0), (1.0, 0.9),
    ],
    "vase": [
        (0.0, 0.5), (0.06, 0.85), (0.12, 0.5), (0.2, 0.6), (0.55, 1.0), (0.66, 0.6), (0.69, 1.0), (0.73, 0.6),
        (0.88, 1.15), (1.0, 0.8),
    ],
}  # fmt: skip


def _square(thickness: float, foot: float, curve: float) -> LegMaker:
    """A leg of square section; ``curve`` bends its middle inward, as a sabre leg's."""
    section = rounded_rectangle(1.0, 1.0, 0.18)

    def make(low: Points, high: Points) -> Member:
        inward = -np.sign(low * (1, 0, 1)) * curve
        path = spline([low, line(low, high, 3)[1] + inward, high], 10) if curve else line(low, high, 2)
        return bar(path, section, np.linspace(foot, thickness, len(path)))

    return make


@dataclass(frozen=True)
class FourLegs:
    """The legs on the sitter's left (x > 0); those on the right are their mirror images."""

    front: Member
    back: Member

    def pairs(self) -> tuple[tuple[Member, Member], ...]:
        """(left, right) at the front and at the back."""
        return (self.front, self.front.mirrored()), (self.back, self.back.mirrored())


def four_legs(
    chair: Assembly,
    make: LegMaker,
    front: tuple[float, float],
    back: tuple[float, float],
    height: float,
    splay: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> FourLegs:
    """Add four legs whose tops lie at (x, z) ``front`` and ``back``, at ``height``.

    ``splay``: how far the feet stand outward (x), forward (front legs' z), backward (back legs' z).
    """
    tops = [np.array([x, height, z]) for x, z in (front, back)]
    feet = [tops[0] + (splay[0], -height, splay[1]), tops[1] + (splay[0], -height, -splay[2])]
    legs = FourLegs(*(make(foot, top) for foot, top in zip(feet, tops, strict=True)))
    for leg in (legs.front, legs.back):
        chair.add_pair(LEG, leg.mesh)
    return legs


def side_stretchers(chair: Assembly, legs: FourLegs, height: float, size: float, round_bars: bool) -> None:
    """One bar on each side, from the front leg to the back leg."""
    start, end = legs.front.at(height), legs.back.at(height)
    chair.add_pair(STRETCHER, _stretcher(start, end, size, round_bars))


def cross_stretcher(chair: Assembly, leg: Member, height: float, size: float, round_bars: bool) -> None:
    """A bar from a leg to its mirror image."""
    end = leg.at(height)
    chair.add(STRETCHER, _stretcher(end * MIRROR, end, size, round_bars))


def h_stretchers(chair: Assembly, legs: FourLegs, height: float, size: float) -> None:
    """Round side bars joined by one bar between their middles."""
    side_stretchers(chair, legs, height, size, round_bars=True)
    middle = (legs.front.at(height) + legs.back.at(height)) / 2
    chair.add(STRETCHER, _stretcher(middle * MIRROR, middle, size, round_bars=True))


def box_stretchers(
    chair: Assembly, legs: FourLegs, heights: tuple[float, float, float], size: float, round_bars: bool
) -> None:
    """Bars on all four sides, at the heights (front, side, back)."""
    cross_stretcher(chair, legs.front, heights[0], size, round_bars)
    side_stretchers(chair, legs, heights[1], size, round_bars)
    cross_stretcher(chair, legs.back, heights[2], size, round_bars)


def draw_stretchers(chair: Assembly, draw: np.random.Generator, legs: FourLegs, size: float, round_bars: bool) -> None:
    """None, an H or a box of stretchers."""
    kind = draw.integers(3)
    low = draw.uniform(0.12, 0.18)
    if kind == 1:
        h_stretchers(chair, legs, low, size)
    elif kind == 2:
        box_stretchers(chair, legs, (low + 0.06, low, low + 0.06), size, round_bars)


def _stretcher(start: Points, end: Points, size: float, round_bars: bool) -> trimesh.Trimesh:
    if round_bars:
        return rod(start, end, size / 2, swell=0.3)
    return rail(start, end, rounded_rectangle(0.7 * size, 1.4 * size, 0.2 * size))

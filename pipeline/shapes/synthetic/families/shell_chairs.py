"""Moulded shells on dowel legs, and shells on a pedestal."""

from __future__ import annotations

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import HARD_BACK
from pipeline.shapes.synthetic.curves import UP, Points, ellipse, rounded_rectangle, spline, superellipse
from pipeline.shapes.synthetic.legs import STRETCHER, four_legs
from pipeline.shapes.synthetic.members import Member, rod, turned
from pipeline.shapes.synthetic.seats import HARD_SEAT, SOFT_SEAT, SUPPORT
from pipeline.shapes.synthetic.shells import ShellForm, seat_and_back
from pipeline.shapes.synthetic.solids import deformed, pad, placed, sweep


def _draw_form(draw: np.random.Generator) -> ShellForm:
    return ShellForm(
        width=draw.uniform(0.44, 0.52),
        depth=draw.uniform(0.42, 0.47),
        height=draw.uniform(0.36, 0.46),
        lean=draw.uniform(0.06, 0.12),
        wrap=(draw.uniform(0.02, 0.05), draw.uniform(0.05, 0.11)),
        narrow=draw.uniform(0.72, 0.98),
    )


def _add_shell(chair: Assembly, draw: np.random.Generator, form: ShellForm, level: float) -> None:
    """Add seat and back with the seat's lowest point at ``level``, and sometimes a seat pad."""
    seat, back, _ = seat_and_back(form)
    cushion = draw.random() < 0.5
    hard = placed(seat, (0, level, 0))
    chair.add(HARD_SEAT, hard)
    if cushion:
        outline = superellipse(0.78 * form.width, 0.72 * form.depth, 3.0, 40)
        soft = placed(pad(outline, 0.034, 0.016, (0.0, 0.012)), (0, level + 0.016 + form.wrap[0] * 0.1, 0.02))
        chair.add(SOFT_SEAT, soft)
    chair.add(HARD_BACK, placed(back, (0, level, 0)))


def shell(draw: np.random.Generator) -> Assembly:
    """A moulded shell on four dowel legs with crossed wire braces."""
    chair, form = Assembly(), _draw_form(draw)
    level = draw.uniform(0.42, 0.45)
    _add_shell(chair, draw, form, level)
    plate = 0.26
    chair.add(SUPPORT, placed(pad(superellipse(plate, plate, 4, 32), 0.03, 0.008), (0, level - 0.015, -0.01)))
    radius, splay = draw.uniform(0.013, 0.017), draw.uniform(0.07, 0.11)

    def dowel(foot: Points, top: Points) -> Member:
        return turned(foot, top, [(0, 0.72 * radius), (0.5, radius), (1, radius)], 16)

    corner = 0.42 * plate
    legs = four_legs(chair, dowel, (corner, corner), (corner, -corner), level - 0.012, (splay, splay, splay))
    high, low = level - 0.06, draw.uniform(0.16, 0.24)
    front, back = legs.front, legs.back
    for a, b in (
        (front, back),
        (front.mirrored(), back.mirrored()),
        (front, front.mirrored()),
        (back, back.mirrored()),
    ):
        braces = [rod(a.at(high), b.at(low), 0.0035, 8), rod(a.at(low), b.at(high), 0.0035, 8)]
        chair.add(STRETCHER, *braces)
    return chair


def pedestal(draw: np.random.Generator) -> Assembly:
    """A shell on a tulip's stem and foot, or on a column with four flat legs."""
    chair, form = Assembly(), _draw_form(draw)
    level = draw.uniform(0.41, 0.45)
    _add_shell(chair, draw, form, level)
    (_tulip if draw.random() < 0.6 else _spider)(chair, draw, level)
    return chair


def _tulip(chair: Assembly, draw: np.random.Generator, level: float) -> None:
    """A stem that flows into a round foot."""
    radius, stem = draw.uniform(0.21, 0.26), draw.uniform(0.022, 0.034)
    profile = [
        (0.0, 0.55 * radius), (0.04, 0.42 * radius), (0.12, 0.2 * radius + 0.4 * stem), (0.3, 1.15 * stem), (0.6, stem),
        (0.85, 1.5 * stem), (1.0, 3.4 * stem),
    ]  # fmt: skip
    chair.add(
        "chair_base/pedestal_base/central_support", turned((0, 0.014, 0), (0, level - 0.005, 0), profile, 28).mesh
    )
    chair.add("chair_base/pedestal_base/pedestal", _foot(radius, draw.uniform(0.01, 0.02)))


def _spider(chair: Assembly, draw: np.random.Generator, level: float) -> None:
    """A column on four flat, tapering legs with glides."""
    radius, reach = draw.uniform(0.018, 0.026), draw.uniform(0.25, 0.31)
    column = [(0.0, 1.3 * radius), (0.2, 1.3 * radius), (0.22, radius), (0.9, radius), (1.0, 4.0 * radius)]
    base = "chair_base/star_leg_base"
    chair.add(f"{base}/central_support", turned((0, 0.03, 0), (0, level - 0.005, 0), column, 24).mesh)
    for angle in np.pi / 4 + np.arange(4) * (np.pi / 2):
        away = np.array([np.sin(angle), 0.0, np.cos(angle)])
        path = spline([(0, 0.065, 0), 0.45 * reach * away + (0, 0.058, 0), reach * away + (0, 0.028, 0)], 10)
        scale = np.stack([np.linspace(1.0, 0.65, 10), np.linspace(1.0, 0.5, 10)], axis=1)
        leg = sweep(path, rounded_rectangle(0.036, 0.03, 0.008), scale, bevel=0.004)
        glide = turned(path[-1] * (1, 0, 1), path[-1], [(0.0, 0.013), (0.3, 0.013), (1.0, 0.008)], 12).mesh
        chair.add(f"{base}/star_leg_set/leg", leg, glide)


def _foot(radius: float, rise: float) -> trimesh.Trimesh:
    """A round plate, its upper side rising towards the stem."""
    plate = placed(pad(ellipse(2 * radius, 2 * radius, 44), 0.018, 0.007), (0, 0.009, 0))

    def cone(v: Points) -> Points:
        near = np.clip(1 - np.hypot(v[:, 0], v[:, 2]) / radius, 0, 1)
        return v + np.outer(np.where(v[:, 1] > 0.009, rise * near**1.5, 0), UP)

    return deformed(plate, cone)

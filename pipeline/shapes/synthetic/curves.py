"""Curves in space and outlines in the plane, as arrays of points. Lengths are metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

Points = NDArray[np.float64]
#: The vertical, and the factors that reflect a point in the plane of symmetry x = 0.
UP = (0.0, 1.0, 0.0)
MIRROR = (-1.0, 1.0, 1.0)

PointList = ArrayLike | Sequence[object]


def vector(x: float, y: float, z: float) -> Points:
    """A point or an offset (3,)."""
    return np.array([x, y, z], dtype=float)


def line(start: ArrayLike, end: ArrayLike, samples: int = 2) -> Points:
    """(samples, 3) points from start to end, evenly spaced."""
    return np.linspace(np.asarray(start, dtype=float), np.asarray(end, dtype=float), samples)


def spline(points: PointList, samples: int = 12) -> Points:
    """(samples, 3) points on the natural cubic spline through ``points`` (k, 3), by centripetal parameter."""
    knots = np.asarray(points, dtype=float)
    steps = np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1))
    parameter = np.concatenate([[0.0], np.cumsum(steps)])
    return CubicSpline(parameter, knots, bc_type="natural")(np.linspace(0.0, parameter[-1], samples))


def profile(controls: Sequence[tuple[float, float]], samples: int) -> tuple[Points, Points]:
    """Positions and values (samples,) of the monotone cubic through ``(position, value)`` controls.

    Monotone pieces never overshoot, so a turned leg is never thinner than its thinnest control.
    """
    positions, values = np.asarray(controls, dtype=float).T
    where = np.linspace(positions[0], positions[-1], samples)
    return where, PchipInterpolator(positions, values)(where)


def filleted(points: PointList, radius: float, per_corner: int = 6) -> Points:
    """Polyline (k, 3) with every inner corner replaced by a quadratic Bezier arc of about ``radius``."""
    corners = np.asarray(points, dtype=float)
    pieces = [corners[:1]]
    for before, corner, after in zip(corners[:-2], corners[1:-1], corners[2:], strict=True):
        pieces.append(_rounded_corner(before, corner, after, radius, per_corner))
    pieces.append(corners[-1:])
    return np.concatenate(pieces)


def _rounded_corner(before: Points, corner: Points, after: Points, radius: float, samples: int) -> Points:
    reach = min(radius, 0.45 * float(np.linalg.norm(before - corner)), 0.45 * float(np.linalg.norm(after - corner)))
    start = corner + reach * (before - corner) / np.linalg.norm(before - corner)
    end = corner + reach * (after - corner) / np.linalg.norm(after - corner)
    t = np.linspace(0.0, 1.0, samples)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end


def ellipse(width: float, height: float, segments: int = 16) -> Points:
    """(segments, 2) points of an axis-aligned ellipse about the origin, counter-clockwise."""
    return superellipse(width, height, 2.0, segments)


def superellipse(width: float, height: float, exponent: float, segments: int = 40) -> Points:
    """(segments, 2) points of |2x/width|^n + |2y/height|^n = 1, at even polar angles of the unit form."""
    angle = np.arange(segments) * (2 * np.pi / segments)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    radius = (np.abs(direction) ** exponent).sum(axis=1) ** (-1 / exponent)
    return direction * radius[:, None] * (width / 2, height / 2)


def rounded_rectangle(width: float, height: float, radius: float, per_corner: int = 3, per_side: int = 0) -> Points:
    """Outline of a rectangle with round corners about the origin, counter-clockwise.

    ``per_corner`` points on every corner arc, ``per_side`` more along every straight side (so that the
    outline can be bent afterwards). ``radius`` is held below half the shorter side.
    """
    radius = min(radius, 0.49 * min(width, height))
    angles = np.linspace(0.0, np.pi / 2, per_corner)
    arcs = []
    for quarter, (x, y) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        turned = angles + quarter * np.pi / 2
        centre = np.array([x * (width / 2 - radius), y * (height / 2 - radius)])
        arcs.append(centre + radius * np.stack([np.cos(turned), np.sin(turned)], axis=1))
    sides = [np.linspace(arc[-1], arcs[(i + 1) % 4][0], per_side + 2)[1:-1] for i, arc in enumerate(arcs)]
    return np.concatenate([piece for pair in zip(arcs, sides, strict=True) for piece in pair])


def tapered(outline: Points, change: float) -> Points:
    """Outline whose width grows with its second coordinate: ``change`` is the relative width top to bottom.

    At ``change`` 0.1 the far end (largest second coordinate) is 5 % wider and the near end 5 % narrower.
    """
    reach = np.abs(outline[:, 1]).max()
    return outline * np.stack([1 + 0.5 * change * outline[:, 1] / reach, np.ones(len(outline))], axis=1)

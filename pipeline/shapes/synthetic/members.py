"""Members: bars that know their centreline, so that others can be fixed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import ArrayLike

from pipeline.shapes.synthetic.curves import MIRROR, Points, line, profile, spline
from pipeline.shapes.synthetic.solids import mirrored, sweep


@dataclass(frozen=True)
class Member:
    """A leg, post or rail: ``path`` (k, 3) is its centreline, in metres, rising from the first point."""

    path: Points
    mesh: trimesh.Trimesh

    def at(self, height: float) -> Points:
        """Point (3,) of the centreline at ``height`` above the floor, held within its ends."""
        return np.array([np.interp(height, self.path[:, 1], self.path[:, axis]) for axis in range(3)])

    @property
    def top(self) -> Points:
        return self.path[-1]

    def mirrored(self) -> Member:
        return Member(self.path * MIRROR, mirrored(self.mesh))


def bar(
    path: Points, section: Points, scale: ArrayLike = 1.0, up: ArrayLike = (0, 0, 1), bevel: float = 0.003
) -> Member:
    """Member swept along ``path`` (see ``solids.sweep``); by default the section's second axis is the depth."""
    return Member(path, sweep(path, section, scale, up, bevel))


def turned(foot: ArrayLike, top: ArrayLike, controls: Sequence[tuple[float, float]], segments: int = 20) -> Member:
    """A lathe-turned member; ``controls`` are (fraction of the length from the foot, radius)."""
    where, radius = profile(controls, max(16, 5 * len(controls)))
    path = np.asarray(foot, dtype=float) + where[:, None] * (np.asarray(top, dtype=float) - np.asarray(foot))
    return bar(path, _circle(segments), radius, bevel=0.25 * float(radius.min()))


def rod(start: ArrayLike, end: ArrayLike, radius: float, segments: int = 12, swell: float = 0.0) -> trimesh.Trimesh:
    """A round bar from start to end, ``swell`` thicker (relative) in the middle."""
    path = line(start, end, 9 if swell else 2)
    scale = radius * (1 + swell * np.sin(np.linspace(0, np.pi, len(path))))
    return sweep(path, _circle(segments), scale, up=_across(path[-1] - path[0]), bevel=0.3 * radius)


def tube(path: Points, radius: float, up: ArrayLike, closed: bool = False, segments: int = 12) -> trimesh.Trimesh:
    """A round tube along a curve, its ends rounded off."""
    return sweep(path, _circle(segments), radius, up, bevel=0.0 if closed else 0.4 * radius, closed=closed)


def rail(start: ArrayLike, end: ArrayLike, section: Points, bow: ArrayLike = (0, 0, 0)) -> trimesh.Trimesh:
    """A bar between two points whose middle is moved by ``bow`` (3,); the section's second axis is up."""
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    path = spline([first, (first + last) / 2 + np.asarray(bow), last], 13) if np.any(bow) else line(first, last, 2)
    return sweep(path, section, up=_across(last - first), bevel=0.002)


def _circle(segments: int) -> Points:
    angle = np.arange(segments) * (2 * np.pi / segments)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _across(direction: Points) -> Points:
    """Up, or forward for a bar that is itself near vertical."""
    steep = abs(direction[1]) > 0.9 * np.linalg.norm(direction)
    return np.array([0.0, 0.0, 1.0] if steep else [0.0, 1.0, 0.0])

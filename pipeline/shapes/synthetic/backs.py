"""Wooden backs: two posts, and rails and slats that lie on the curved surface between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.curves import Points, rounded_rectangle, spline
from pipeline.shapes.synthetic.members import Member, bar
from pipeline.shapes.synthetic.solids import sweep

POST = "chair_back/back_frame/back_frame_vertical_bar"
RAIL = "chair_back/back_frame/back_frame_horizontal_bar"
SPINDLE = "chair_back/back_surface/back_surface_vertical_bar"
SLAT = "chair_back/back_surface/back_surface_horizontal_bar"
HARD_BACK = "chair_back/back_surface/back_hard_surface"
SOFT_BACK = "chair_back/back_surface/back_soft_surface"
BACK_FRAME = "chair_back/back_frame/back_holistic_frame"


@dataclass(frozen=True)
class BackSurface:
    """The surface that a back's bars follow: between ``post`` (x > 0) and its mirror image, hollowed by ``bow``."""

    post: Member
    bow: float

    def point(self, height: float, across: float) -> Points:
        """Point (3,) at a height, ``across`` from -1 (sitter's right post) to 1 (left post)."""
        x, _, z = self.post.at(height)
        return np.array([x * across, height, z - self.bow * (1 - across**2)])

    def horizontal(self, height: float, arch: float = 0.0) -> Points:
        """(13, 3) line from post to post, ``arch`` higher in the middle."""
        where = np.linspace(-1, 1, 13)
        points = np.array([self.point(height, a) for a in where])
        points[:, 1] += arch * (1 - where**2)
        return points

    def vertical(self, across: float, low: float, high: float, fan: float = 1.0, samples: int = 9) -> Points:
        """(samples, 3) line from ``low`` to ``high``; its place across grows by the factor ``fan`` on the way."""
        places = np.linspace(across, across * fan, samples)
        heights = np.linspace(low, high, samples)
        return np.array([self.point(height, place) for height, place in zip(heights, places, strict=True)])


def post_path(draw: np.random.Generator, x: float, z: float, low: float, high: float) -> Points:
    """(12, 3) centreline of a raked, slightly curved post on the sitter's left, from ``low`` to ``high``."""
    rake = np.tan(np.radians(draw.uniform(8.0, 15.0))) * (high - low)
    curve = draw.uniform(0.0, 0.02)
    middle = (x, (low + high) / 2, z - 0.42 * rake + curve)
    return spline([(x, low, z), middle, (x, high, z - rake)], 12)


def square_posts(chair: Assembly, path: Points, width: float, depth: float) -> Member:
    """Add two tapering posts of rounded-rectangular section; returns the left one."""
    post = bar(path, rounded_rectangle(width, depth, 0.2 * width), np.linspace(1.0, 0.72, len(path)))
    chair.add_pair(POST, post.mesh)
    return post


def cross_rail(surface: BackSurface, height: float, size: tuple[float, float], arch: float = 0.0) -> trimesh.Trimesh:
    """A rail of ``size`` (thickness, height) from post to post, taller in the middle when arched."""
    path = surface.horizontal(height, 0.5 * arch)
    taller = 1 + 0.6 * arch / size[1] * (1 - np.linspace(-1, 1, len(path)) ** 2)
    scale = np.stack([np.ones(len(path)), taller], axis=1)
    return sweep(path, rounded_rectangle(size[0], size[1], 0.4 * size[0]), scale, bevel=0.002)


def vertical_slats(
    chair: Assembly,
    surface: BackSurface,
    count: int,
    span: tuple[float, float],
    size: tuple[float, float],
    fan: float = 1.0,
) -> None:
    """``count`` flat slats of ``size`` (width, thickness), evenly between the posts, over the heights ``span``."""
    section = rounded_rectangle(size[0], size[1], 0.35 * size[1])
    for place in np.linspace(-1, 1, count + 2)[1:-1]:
        path = surface.vertical(place, *span, fan)
        chair.add(SPINDLE, sweep(path, section, up=(0, 0, 1)))

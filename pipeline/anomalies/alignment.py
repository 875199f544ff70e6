"""Boxes that lie as a part does, in frames that keep up up and front front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

#: Thinner boxes count as this thick, in object radii: a sheet has no thickness to fit.
MIN_EXTENT = 1e-3
#: A turned box is used where it has at most this share of the upright one's volume: a splayed leg, a reclined back.
CLEARLY_TIGHTER = 0.7
#: A box in a simpler frame may have this much more volume than the tightest, so that round legs are not twisted.
NEARLY_AS_TIGHT = 1.25
#: Box frames come from a part's extreme points in so many directions, spread evenly over the sphere.
SUPPORT_DIRECTIONS = 96


@dataclass(frozen=True)
class Box:
    """A box around points. frame: (3, 3) rotation, its columns the box's axes in the world; low, high: (3,) corners
    in that frame."""

    frame: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def extents(self) -> NDArray[np.float64]:
        """(3,) size along the box's axes, at least ``MIN_EXTENT``."""
        return np.maximum(self.high - self.low, MIN_EXTENT)

    def at(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) the point, in the box's frame, at relative position (3,): 0 at ``low``, 1 at ``high``."""
        return np.asarray(self.low + position * (self.high - self.low))


def box_in(frame: NDArray[np.float64], points: NDArray[np.float64]) -> Box:
    """The box around points (n, 3) whose axes are the columns of ``frame``."""
    inside = points @ frame
    return Box(frame, inside.min(axis=0), inside.max(axis=0))


def fit_box(points: NDArray[np.float64]) -> Box:
    """The box around points (n, 3) that lies as they do: upright, unless a turned one is clearly tighter.

    Of the turned boxes that are nearly the tightest it is the one turned least: only as far as lays one
    axis along the points' longest or shortest extent, if that will do.
    """
    upright = box_in(np.eye(3), points)
    points = _extreme_points(points)
    if np.linalg.matrix_rank(points - points.mean(axis=0), tol=MIN_EXTENT) < 2:
        return upright
    with np.errstate(invalid="ignore"):  # of a flat hull's centre of mass, which nobody needs
        to_box, _ = trimesh.bounds.oriented_bounds(points)
    tightest = box_in(nearest_frame(to_box[:3, :3].T, np.eye(3)), points)
    if _volume(tightest) > CLEARLY_TIGHTER * _volume(upright):
        return upright
    order = np.argsort(tightest.extents)
    frames = [_swing(tightest.frame, int(order[-1])), _swing(tightest.frame, int(order[0])), tightest.frame]
    boxes = [box_in(frame, points) for frame in frames]
    return next(box for box in boxes if _volume(box) <= NEARLY_AS_TIGHT * _volume(tightest))


def nearest_frame(frame: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same box axes, permuted and flipped to the right-handed frame that is turned least from ``reference``."""
    return max(_renamings(frame), key=lambda renamed: float(np.trace(reference.T @ renamed)))


def turn_degrees(start: NDArray[np.float64], end: NDArray[np.float64]) -> float:
    """Angle of the rotation that takes one frame to another."""
    return float(np.degrees(Rotation.from_matrix(end @ start.T).magnitude()))


def _renamings(frame: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        renamed = frame[:, order] * signs
        if np.linalg.det(renamed) > 0:
            yield renamed


def _swing(frame: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The shortest rotation (3, 3) that lays a world axis along that axis of ``frame``."""
    start, end = np.eye(3)[axis], frame[:, axis]
    normal = np.cross(start, end)
    sine = float(np.linalg.norm(normal))
    if sine < 1e-9:
        return np.eye(3)
    return np.asarray(Rotation.from_rotvec(normal / sine * np.arctan2(sine, start @ end)).as_matrix())


def _extreme_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, 3) those points (n, 3) that are farthest in ``SUPPORT_DIRECTIONS`` directions (a Fibonacci spiral)."""
    number = np.arange(SUPPORT_DIRECTIONS)
    height = 1 - (2 * number + 1) / SUPPORT_DIRECTIONS
    azimuth = np.pi * (3 - np.sqrt(5)) * number
    radius = np.sqrt(1 - height**2)
    directions = np.column_stack([radius * np.cos(azimuth), height, radius * np.sin(azimuth)])
    return points[np.unique((points @ directions.T).argmax(axis=0))]


def _volume(box: Box) -> float:
    return float(np.prod(box.extents))

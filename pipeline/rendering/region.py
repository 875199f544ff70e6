"""The ground that shows an object's shadow, and which pixels can be anything but background."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.format.boxes import bounding_box
from pipeline.format.cameras import Camera

#: Pixels around the object that an anti-aliased edge may reach.
EDGE_MARGIN = 4
#: How far the ground reaches beyond what stands on it, in object radii.
GROUND_REACH = 0.25
_RIM_POINTS = 64

#: Half-open (x0, y0, x1, y1) in pixels.
Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class Ground:
    """A level disc: height y, centre (x, z) and radius, in the world."""

    height: float
    centre: tuple[float, float]
    radius: float


def ground_under(vertices: Iterable[NDArray[np.float64]]) -> Ground:
    """The disc under meshes, each given by its vertices (n, 3): it touches the lowest vertex."""
    bounds = np.array([[v.min(axis=0), v.max(axis=0)] for v in vertices])
    low, high = bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)
    x, z = (low + high)[[0, 2]] / 2
    # Within the unit sphere the half diagonal is at most 1; a moved part may reach out of it.
    radius = np.linalg.norm((high - low)[[0, 2]]) / 2 + GROUND_REACH
    return Ground(float(low[1]), (float(x), float(z)), float(radius))


def object_region(mask: NDArray[np.integer]) -> Region:
    """Pixels of an image at which the object, non-zero in ``mask`` (H, W), or its anti-aliased edge may be seen."""
    x, y, width, height = bounding_box(mask)
    return _within((x - EDGE_MARGIN, y - EDGE_MARGIN, x + width + EDGE_MARGIN, y + height + EDGE_MARGIN), len(mask))


def shadow_region(camera: Camera, ground: Ground, mask: NDArray[np.integer]) -> Region:
    """Pixels at which the object (``mask``) or its shadow on ``ground`` may be seen."""
    angle = np.linspace(0, 2 * np.pi, _RIM_POINTS, endpoint=False)
    x, z = ground.centre
    rim = np.stack(
        [x + ground.radius * np.cos(angle), np.full_like(angle, ground.height), z + ground.radius * np.sin(angle)], 1
    )
    pixels, depth = camera.project(rim)
    if (depth <= 0).any():  # the camera stands over the ground
        return whole_image(camera.resolution)
    own = object_region(mask)
    low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int)
    union = (min(own[0], low[0]), min(own[1], low[1]), max(own[2], high[0]), max(own[3], high[1]))
    return _within(union, camera.resolution)


def whole_image(size: int) -> Region:
    """All pixels of an image of ``size`` x ``size``."""
    return (0, 0, size, size)


def _within(region: Iterable[int], size: int) -> Region:
    x0, y0, x1, y1 = (int(min(max(value, 0), size)) for value in region)
    return x0, y0, x1, y1

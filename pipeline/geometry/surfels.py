"""A surface from depth images: a little square for each of their pixels (surfels; Pfister et al., SIGGRAPH 2000).

Where a reference is known by views alone, rays meet these in place of its mesh. What no view shows is not there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64

from pipeline.format.cameras import Camera
from pipeline.geometry.soup import Soup

#: The triangles of a square whose corners are numbered around.
TRIANGLES = np.array([(0, 1, 2), (0, 2, 3)])
#: A surface is no deeper than so many times as wide from pixel to pixel, unless it goes on so behind the next one;
#: otherwise one ends there, and another begins.
STEEPEST = 4.0
#: Pixels from a pixel's middle: where the surface goes on it meets the next one's, and where it ends, it does so
#: anywhere in between. Of the many views that see an end, the one that sees most of it counts.
JOINED, FREE = 0.5, 0.15


def surfels(depths: Float32[np.ndarray, "view size size"], cameras: Sequence[Camera]) -> Soup:
    """Squares where depth images, 0 on background, have a surface, as turned as their neighbours say; all one part.

    Planes come back exactly: along one, the inverse of depth is linear in pixels.

    >>> camera = Camera(np.array([[2.0, 0, 2], [0, 2, 2], [0, 0, 1]]), np.eye(4), 4)
    >>> wall = surfels(np.full((1, 4, 4), 4.0, dtype=np.float32), [camera])
    >>> wall.vertices.min(axis=0).tolist(), wall.vertices.max(axis=0).tolist()
    ([-3.3, -3.3, 4.0], [3.3, 3.3, 4.0])
    """
    vertices = np.concatenate([_corners(depth, camera) for depth, camera in zip(depths, cameras, strict=True)])
    faces = (4 * np.arange(len(vertices) // 4)[:, None, None] + TRIANGLES).reshape(-1, 3)
    return Soup(vertices, faces, np.ones(len(faces), dtype=np.uint16))


def _corners(depth: Float32[np.ndarray, "size size"], camera: Camera) -> Float64[np.ndarray, "corner 3"]:
    """In the world, four a pixel, around it."""
    seen = depth > 0
    inverse = np.where(seen, 1.0 / np.where(seen, depth, 1.0).astype(np.float64), np.nan)
    steepest = STEEPEST * inverse / camera.K[0, 0]
    slope_x, left, right = (of[seen] for of in _along_rows(inverse, steepest))
    slope_y, up, down = (of.T[seen] for of in _along_rows(inverse.T, steepest.T))
    rows, columns = np.nonzero(seen)
    across = np.stack([-left, right, right, -left], axis=1)
    along = np.stack([-up, -up, down, down], axis=1)
    nearness = inverse[seen][:, None] + slope_x[:, None] * across + slope_y[:, None] * along
    pixels = [columns[:, None] + 0.5 + across, rows[:, None] + 0.5 + along, np.ones_like(across)]
    in_camera = np.stack(pixels, axis=-1) @ np.linalg.inv(camera.K).T / nearness[..., None]
    rotation, shift = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    return np.asarray((in_camera.reshape(-1, 3) - shift) @ rotation)


def _along_rows(
    inverse: Float64[np.ndarray, "size size"], steepest: Float64[np.ndarray, "size size"]
) -> tuple[Float64[np.ndarray, "size size"], Float64[np.ndarray, "size size"], Float64[np.ndarray, "size size"]]:
    """How inverse depth, NaN on background, changes a pixel, and how far each surface reaches before and behind it.

    It changes as it does to the neighbour that differs less, and not at all where the surface goes on to none.
    """
    step = np.diff(inverse, axis=1)
    before, after = (np.pad(step, ((0, 0), ends), constant_values=np.nan) for ends in ((1, 0), (0, 1)))
    straight = np.abs(after - before) <= steepest
    joined: list[Bool[np.ndarray, "size size"]] = [
        straight | (np.abs(change) <= steepest) for change in (before, after)
    ]
    before, after = (np.where(goes_on, change, np.inf) for goes_on, change in zip(joined, (before, after), strict=True))
    slope = np.where(np.abs(before) < np.abs(after), before, after)
    reach = [np.where(goes_on, JOINED, FREE) for goes_on in joined]
    return np.where(np.isfinite(slope), slope, 0.0), reach[0], reach[1]

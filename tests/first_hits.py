"""The slow, obvious reference of ray casting: every triangle against every pixel in its bounding box, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.format.cameras import Camera
from pipeline.geometry.soup import Soup

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: How far outside a triangle (barycentric) still counts as hit: a ray through a shared edge must hit a face.
SEAM = 1e-9
#: Rounding allowed where a pixel's centre lies on a bounding box; pixels.
MARGIN = 1e-6


@dataclass(frozen=True)
class FirstHits:
    """depth: (H, W), 0 where nothing is hit; face: (H, W), index of the face that is hit first, -1 for none;
    by_part: (P + 1, H, W), depth at which each part by itself would be hit, inf where it would not."""

    depth: Floats
    face: Ints
    by_part: Floats


def first_hits(camera: Camera, soup: Soup) -> FirstHits:
    """What the pixel centres of ``camera`` see.

    Uses nothing but K and the pose: points go through ``world_to_camera`` and K, rays through K's entries,
    intersections are found in the camera's frame after Moeller and Trumbore.
    """
    size, corners = camera.resolution, to_camera(camera, soup.vertices)[soup.faces]
    pixels, faces = _covered(corners, camera)
    depth = intersect(rays(pixels, camera), corners[faces])
    hit = np.isfinite(depth)
    pixels, faces, depth = pixels[hit], faces[hit], depth[hit]
    by_part = np.full((int(soup.part_ids.max(initial=0)) + 1, size, size), np.inf)
    np.minimum.at(by_part, (soup.part_ids[faces], pixels[:, 1], pixels[:, 0]), depth)
    first = np.full((size, size), -1)
    order = np.argsort(-depth, kind="stable")  # the nearest is written last, and stays
    first[pixels[order, 1], pixels[order, 0]] = faces[order]
    return FirstHits(np.where(first < 0, 0.0, by_part.min(axis=0)), first, by_part)


def to_camera(camera: Camera, points: Floats) -> Floats:
    """World points (n, 3) in the camera's frame."""
    return np.asarray(points @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3])


def rays(pixels: NDArray[np.integer], camera: Camera) -> Floats:
    """(n, 3) directions in the camera's frame through the centres of pixels (n, 2) as (x, y); z is 1."""
    K = camera.K
    x, y = (pixels + 0.5 - K[:2, 2]).T / np.diag(K)[:2, None]
    return np.stack([x, y, np.ones_like(x)], axis=1)


def intersect(directions: Floats, corners: Floats) -> Floats:
    """(n,) ray parameters, from the origin, at which rays (n, 3) meet triangles (n, 3, 3); inf where they miss."""
    a = corners[:, 0]
    to_b, to_c = corners[:, 1] - a, corners[:, 2] - a
    p, q = np.cross(directions, to_c), np.cross(-a, to_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 / (to_b * p).sum(axis=1)
        u, v, t = -(a * p).sum(axis=1) * scale, (directions * q).sum(axis=1) * scale, (to_c * q).sum(axis=1) * scale
        hit = (u >= -SEAM) & (v >= -SEAM) & (u + v <= 1 + SEAM) & (t > 0)
    return np.where(hit, t, np.inf)


def _covered(corners: Floats, camera: Camera) -> tuple[Ints, Ints]:
    """All pixels (n, 2) as (x, y) whose centres lie in a triangle's bounding box, and the triangles (n,).

    corners: (m, 3, 3) in the camera's frame, all before the camera.
    """
    image = corners @ camera.K.T
    image = image[..., :2] / image[..., 2:]
    low = np.clip(np.ceil(image.min(axis=1) - 0.5 - MARGIN).astype(int), 0, camera.resolution)
    high = np.clip(np.floor(image.max(axis=1) - 0.5 + MARGIN).astype(int) + 1, 0, camera.resolution)
    width, height = (high - low).T
    faces = np.repeat(np.arange(len(corners)), width * height)
    within = np.arange(len(faces)) - np.repeat(np.cumsum(width * height) - width * height, width * height)
    pixels = low[faces] + np.stack([within % width[faces], within // width[faces]], axis=1)
    return pixels, faces

"""Silhouettes of a reference from all around, to begin with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image

from pipeline.format.boxes import bounding_box
from pipeline.geometry.raycast import RayScene
from pipeline.pose.pose import Pose
from pipeline.pose.silhouette import shrunk

#: Directions: so many degrees apart in azimuth, at these elevations. The golden angle shifts each ring, so that no
#: azimuth is favoured.
SPACING = 10.0
ELEVATIONS = (8.0, 20.0, 31.0, 43.0, 57.0)
GOLDEN_ANGLE = 137.507764
#: Edge of what is compared: silhouettes cut to their boxes.
GRID = 40
RESOLUTION = 64


@dataclass(frozen=True, eq=False)
class Bank:
    """Silhouettes, one a pose: cut to their boxes, and as the camera frames them."""

    poses: tuple[Pose, ...]
    cut: Float32[np.ndarray, "pose pixel"]
    framed: Float32[np.ndarray, "pose pixel"]

    def overlaps(self, mask: Bool[np.ndarray, "size size"]) -> list[Float32[np.ndarray, " pose"]]:
        """Intersection over union of each with a mask: both cut to their boxes, and as they are framed."""
        return [_overlaps(self.cut, normalised(mask)), _overlaps(self.framed, framed(mask))]


def _overlaps(
    silhouettes: Float32[np.ndarray, "pose pixel"], own: Float32[np.ndarray, " pixel"]
) -> Float32[np.ndarray, " pose"]:
    both = np.minimum(silhouettes, own).sum(axis=1)
    return np.asarray(both / (silhouettes.sum(axis=1) + own.sum() - both))


def build_bank(scene: RayScene, like: Pose) -> Bank:
    """Of a scene about the origin; ``like``: how the cameras see."""
    poses = tuple(_around(like))
    drawn = [scene.render(pose.camera(RESOLUTION)).part_ids > 0 for pose in poses]
    return Bank(poses, *(np.stack([kind(mask) for mask in drawn]) for kind in (normalised, framed)))


def _around(like: Pose) -> Iterator[Pose]:
    for ring, elevation in enumerate(ELEVATIONS):
        for azimuth in np.arange(0.0, 360.0, SPACING) + ring * GOLDEN_ANGLE:
            yield Pose(float(azimuth % 360.0), elevation, 0.0, like.distance, like.focal)


def framed(mask: Bool[np.ndarray, "size size"]) -> Float32[np.ndarray, " pixel"]:
    """A mask in the grid, as it is."""
    return shrunk(mask, GRID).ravel()


def normalised(mask: Bool[np.ndarray, "height width"]) -> Float32[np.ndarray, " pixel"]:
    """A mask's box, its longer edge as long as the grid and its middle in the grid's; zeros of an empty mask.

    >>> normalised(np.ones((4, 8), dtype=bool)).reshape(GRID, GRID).sum(axis=0).tolist() == [GRID / 2] * GRID
    True
    """
    if not mask.any():
        return np.zeros(GRID * GRID, dtype=np.float32)
    x, y, width, height = (float(value) for value in bounding_box(mask))
    edge = max(width, height)
    left, top = x + width / 2 - edge / 2, y + height / 2 - edge / 2
    image = Image.fromarray(mask.astype(np.float32))
    cut = image.transform(
        (GRID, GRID), Image.Transform.AFFINE, (edge / GRID, 0, left, 0, edge / GRID, top), Image.Resampling.BILINEAR
    )
    return np.asarray(cut, dtype=np.float32).ravel()

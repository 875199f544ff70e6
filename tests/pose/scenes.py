"""Scenes of boxes, and what cameras see of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from pipeline.format.schema import Mesh
from pipeline.geometry.raycast import RayScene
from pipeline.geometry.soup import Soup
from pipeline.pose.pose import Pose

Box = tuple[tuple[float, float, float], tuple[float, float, float]]
#: A chair with one arm: lower and upper corners. Nothing about it is symmetric.
CHAIR: Mapping[str, Box] = {
    "seat": ((-0.4, -0.05, -0.4), (0.4, 0.05, 0.4)),
    "back": ((-0.4, 0.05, -0.4), (0.4, 0.8, -0.32)),
    "arm": ((0.34, 0.05, -0.32), (0.42, 0.3, 0.4)),
    "front left": ((0.32, -0.7, 0.3), (0.4, -0.05, 0.4)),
    "front right": ((-0.4, -0.7, 0.3), (-0.32, -0.05, 0.4)),
    "back left": ((0.32, -0.7, -0.4), (0.4, -0.05, -0.3)),
    "back right": ((-0.4, -0.7, -0.4), (-0.32, -0.05, -0.3)),
}
#: Alike from four sides.
STOOL: Mapping[str, Box] = {
    "seat": ((-0.4, 0.1, -0.4), (0.4, 0.2, 0.4)),
    **{
        f"leg {x} {z}": ((x - 0.05, -0.7, z - 0.05), (x + 0.05, 0.1, z + 0.05))
        for x in (-0.3, 0.3)
        for z in (-0.3, 0.3)
    },
}
#: Two triangles a side of the box between (0, 0, 0) and (1, 1, 1), whose corners are numbered by their bits.
SIDES = np.array(
    [
        *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]),
        *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
    ]
)


def mesh_of(boxes: Mapping[str, Box]) -> Mesh:
    """Part ids count from 1."""
    bits = np.array([[corner >> axis & 1 for axis in range(3)] for corner in range(8)])
    corners = [np.where(bits, upper, lower) for lower, upper in boxes.values()]
    faces = [SIDES + 8 * number for number in range(len(boxes))]
    ids = np.repeat(np.arange(1, len(boxes) + 1, dtype=np.uint16), len(SIDES))
    labels = dict(enumerate(boxes, start=1))
    return Mesh(np.concatenate(corners).astype(np.float32), np.concatenate(faces).astype(np.int32), ids, labels)


def scene_of(boxes: Mapping[str, Box]) -> RayScene:
    mesh = mesh_of(boxes)
    return RayScene(Soup(mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64), mesh.part_ids))


def round_table() -> RayScene:
    """A disc on a column, of 240 sides: no camera tells where it is about its axis."""
    around = np.arange(240) * (2 * np.pi / 240)
    profile = [(0.0, 0.5), (0.6, 0.5), (0.6, 0.4), (0.1, 0.4), (0.1, -0.6), (0.0, -0.6)]
    vertices = np.concatenate(
        [np.column_stack([r * np.sin(around), np.full(240, y), r * np.cos(around)]) for r, y in profile]
    )
    here, there = np.arange(240), np.roll(np.arange(240), -1)
    faces = [
        np.column_stack(corners)
        for a in range(len(profile) - 1)
        for corners in (
            (here + 240 * a, there + 240 * a, there + 240 * (a + 1)),
            (here + 240 * a, there + 240 * (a + 1), here + 240 * (a + 1)),
        )
    ]
    joined = np.concatenate(faces)
    return RayScene(Soup(vertices, joined, np.ones(len(joined), dtype=np.uint16)))


def silhouette(scene: RayScene, pose: Pose, size: int) -> Bool[np.ndarray, "{size} {size}"]:
    return np.asarray(scene.render(pose.camera(size)).part_ids > 0)

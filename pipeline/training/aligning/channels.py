"""What a camera sees of a reference, as ``Inputs.aligned`` holds it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, UInt16

from pipeline.format.cameras import Camera
from pipeline.geometry.raycast import RayScene, Surface
from pipeline.training.models.interface import ALIGNED


def draw(scene: RayScene, camera: Camera, rays: int) -> Float32[np.ndarray, "aligned height width"]:
    """By ``as_channels``, means of ``rays`` x ``rays`` rays a pixel; of a part's edge, whether any of them sees it.

    What is thinner than a pixel has its share of it then, as in a photograph.
    """
    fine = as_channels(scene.surface(camera.finer(rays)), camera)
    if rays == 1:
        return fine
    blocks = fine.reshape(len(fine), camera.resolution, rays, camera.resolution, rays)
    channels = blocks.mean(axis=(2, 4))
    edge = ALIGNED.index("edge")
    channels[edge] = blocks[edge].max(axis=(1, 3))
    return channels


def as_channels(surface: Surface, camera: Camera) -> Float32[np.ndarray, "aligned height width"]:
    """By ``ALIGNED``; depth from the object's middle on."""
    seen = surface.part_ids > 0
    middle = float(np.linalg.norm(camera.centre))
    depth = np.where(seen, surface.depth - np.float32(middle), 0)
    channels = [seen, depth, *np.moveaxis(surface.normals, -1, 0), part_edges(surface.part_ids)]
    assert len(channels) == len(ALIGNED)
    return np.stack(channels).astype(np.float32)


def part_edges(part_ids: UInt16[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels of parts whose right or lower neighbour is of another.

    >>> part_edges(np.array([[1, 1, 2, 0]], dtype=np.uint16)).tolist()
    [[False, True, True, False]]
    """
    edges = np.zeros(part_ids.shape, dtype=bool)
    edges[:, :-1] |= part_ids[:, :-1] != part_ids[:, 1:]
    edges[:-1] |= part_ids[:-1] != part_ids[1:]
    return edges & (part_ids > 0)

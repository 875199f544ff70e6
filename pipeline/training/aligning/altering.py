"""References changed on purpose: a photograph of the intact object is anomalous beside a reference that differs.

A counterfactual pair turned round: not another photograph of the reference, but another reference for the photograph.
It costs rays and no rendering, and the photograph itself cannot give the answer away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, UInt16
from scipy.spatial.transform import Rotation

from pipeline.format.boxes import bounding_box
from pipeline.format.cameras import Camera
from pipeline.format.labels import LABELS, PAPER_TYPES
from pipeline.format.schema import AnomalyRecord
from pipeline.geometry.raycast import RayScene
from pipeline.geometry.soup import Soup

#: Share of the image's pixels that must change, and how often that is tried.
LEAST, TRIES = 0.001, 4
#: Object radii by which a part is shifted, degrees by which it is turned, how many times as long it is, logarithm of
#: how many times as large along each axis, and object radii by which its like is shifted.
SHIFT, TURN, LENGTH, SIZE, APART = (0.05, 0.3), (8.0, 45.0), (1.2, 2.0), (-0.4, 0.4), (0.1, 0.5)

Vertices = Float64[np.ndarray, "point 3"]


class Altered(NamedTuple):
    """Another reference, and what is anomalous of the intact object beside it."""

    scene: RayScene
    anomaly: AnomalyRecord


def alter(
    soup: Soup, camera: Camera, part_ids: UInt16[np.ndarray, "height width"], generator: np.random.Generator
) -> Altered | None:
    """The reference with one of the parts that show changed, so that the photograph has an anomaly of a random type.

    part_ids: as ``camera`` sees ``soup``. None where no try changes enough of the image.
    """
    visible = np.unique(part_ids[part_ids > 0])
    for _ in range(TRIES if len(visible) else 0):
        part, kind = int(generator.choice(visible)), str(generator.choice(PAPER_TYPES))
        other = _changed(soup, part, kind, generator)
        scene = RayScene(other)
        is_gone = kind == "missing"
        old = scene.render(camera).part_ids == (other.part_ids[-1] if is_gone else part)
        new = (part_ids == part) & (not is_gone)
        if (old != new).mean() >= LEAST:
            box = np.array(bounding_box(new if new.any() else old), dtype=np.float32)
            masks = (255 * mask.astype(np.uint8) for mask in (new, old))
            return Altered(scene, AnomalyRecord(LABELS.index(kind), "", box, *masks))
    return None


def _changed(soup: Soup, part: int, kind: str, generator: np.random.Generator) -> Soup:
    """Beside what comes of it the part seems moved, turned, broken off, another one, or another one missing."""
    faces = soup.faces[soup.part_ids == part]
    vertices = soup.vertices[faces].reshape(-1, 3)
    own = np.arange(len(vertices)).reshape(-1, 3)
    if kind == "missing":
        rest, name = slice(None), int(soup.part_ids.max()) + 1
    else:
        rest, name = soup.part_ids != part, part
    return Soup(
        np.concatenate([soup.vertices, _moved(vertices, kind, generator)]),
        np.concatenate([soup.faces[rest], own + len(soup.vertices)]),
        np.concatenate([soup.part_ids[rest], np.full(len(own), name, dtype=np.uint16)]),
    )


def _moved(vertices: Vertices, kind: str, generator: np.random.Generator) -> Vertices:
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2
    if kind == "positional":
        return vertices + _direction(generator) * generator.uniform(*SHIFT)
    if kind == "missing":
        return vertices + _direction(generator) * generator.uniform(*APART)
    if kind == "rotational":
        turn = Rotation.from_rotvec(_direction(generator) * generator.uniform(*TURN), degrees=True)
        return middle + turn.apply(vertices - middle)
    if kind == "broken":
        axis = int(np.argmax(high - low))
        root = np.where(abs(low) < abs(high), low, high)
        return root + (vertices - root) * np.where(np.arange(3) == axis, generator.uniform(*LENGTH), 1.0)
    return middle + (vertices - middle) * np.exp(generator.uniform(*SIZE, 3))


def _direction(generator: np.random.Generator) -> Float64[np.ndarray, " 3"]:
    direction = generator.normal(size=3)
    return direction / np.linalg.norm(direction)

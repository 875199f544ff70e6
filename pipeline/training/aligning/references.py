"""A shard's references, to be seen by any camera."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from pipeline.format.cameras import Camera
from pipeline.format.reader import Shard
from pipeline.format.schema import ShapeRecord
from pipeline.geometry.raycast import RayScene
from pipeline.geometry.soup import Soup, soup_of
from pipeline.geometry.surfels import surfels
from pipeline.training.aligning.altering import Altered, alter
from pipeline.training.aligning.channels import draw
from pipeline.training.config import Comparing, KnownBy


class AlignedReferences:
    """References of some shards, each read when first asked for; of the last ``capacity`` the scenes stay in memory."""

    def __init__(self, shards: Sequence[Shard], config: Comparing, capacity: int) -> None:
        assert config.reference != "none"
        self._shards = shards
        self._known_by: KnownBy = config.reference
        self._rays = config.rays
        self._capacity = capacity
        self._scenes: OrderedDict[tuple[int, int], RayScene] = OrderedDict()

    def scene(self, file: int, row: int) -> RayScene:
        """Row ``row`` of ``shapes/`` in the shard numbered ``file``."""
        key = (file, row)
        if key not in self._scenes:
            self._scenes[key] = read_scene(self._shards[file], row, self._known_by)
        self._scenes.move_to_end(key)
        if len(self._scenes) > max(1, self._capacity):
            self._scenes.popitem(last=False)
        return self._scenes[key]

    def draw(self, scene: RayScene, camera: Camera) -> Float32[np.ndarray, "aligned height width"]:
        """As ``Inputs.aligned`` has it."""
        return draw(scene, camera, self._rays)

    @staticmethod
    def alter(scene: RayScene, camera: Camera, generator: np.random.Generator) -> Altered | None:
        """As ``altering.alter``."""
        return alter(scene.soup, camera, scene.render(camera).part_ids, generator)


def read_scene(shard: Shard, row: int, known_by: KnownBy) -> RayScene:
    """Of row ``row`` of ``shapes/``. Raises PipelineError where it has no mesh and is to be known by that."""
    if known_by == "mesh":
        return RayScene(soup_of(shard.mesh(row)))
    return RayScene(_seen(shard.row("shapes", "depth", row), *shard.camera("shapes", row)))


def scene_of(shape: ShapeRecord, known_by: KnownBy) -> RayScene:
    """What rays meet of a shape: its mesh, or what its views see of it."""
    if known_by == "mesh":
        assert shape.mesh is not None
        return RayScene(soup_of(shape.mesh))
    return RayScene(_seen(shape.depth, shape.K, shape.world_to_camera))


def _seen(
    depth: Float32[np.ndarray, "view size size"],
    K: Float32[np.ndarray, "view 3 3"],
    world_to_camera: Float32[np.ndarray, "view 4 4"],
) -> Soup:
    cameras = [Camera.stored(*pair, depth.shape[-1]) for pair in zip(K, world_to_camera, strict=True)]
    return surfels(depth, cameras)

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
from pipeline.training.aligning.channels import as_channels
from pipeline.training.config import KnownBy


class AlignedReferences:
    """References of some shards, each read when first asked for; of the last ``capacity`` the scenes stay in memory."""

    def __init__(self, shards: Sequence[Shard], known_by: KnownBy, capacity: int) -> None:
        self._shards = shards
        self._known_by = known_by
        self._capacity = capacity
        self._scenes: OrderedDict[tuple[int, int], RayScene] = OrderedDict()

    def draw(self, file: int, row: int, camera: Camera) -> Float32[np.ndarray, "aligned height width"]:
        """Row ``row`` of ``shapes/`` in the shard numbered ``file``, as ``Inputs.aligned`` has it."""
        return as_channels(self._scene(file, row).surface(camera), camera)

    def _scene(self, file: int, row: int) -> RayScene:
        key = (file, row)
        if key not in self._scenes:
            self._scenes[key] = read_scene(self._shards[file], row, self._known_by)
        self._scenes.move_to_end(key)
        if len(self._scenes) > max(1, self._capacity):
            self._scenes.popitem(last=False)
        return self._scenes[key]


def read_scene(shard: Shard, row: int, known_by: KnownBy) -> RayScene:
    """Of row ``row`` of ``shapes/``. Raises PipelineError where it has no mesh and is to be known by that."""
    if known_by == "mesh":
        return RayScene(soup_of(shard.mesh(row)))
    return RayScene(_seen(*(shard.row("shapes", name, row) for name in ("depth", "K", "world_to_camera"))))


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

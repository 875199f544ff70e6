"""Reference views of shapes as training reads them: only those that it drew, and what was read last kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from pipeline.format.reader import Shard
from pipeline.training.truth import Cameras

#: Columns read view by view. The others are small, and reading all their views at once takes no longer than two alone.
BY_VIEW = frozenset({"image", "depth", "patch_xyz", "point_pixels"})


class Reference(NamedTuple):
    """What training needs of some views of a shape; named as the columns of ``shapes/``."""

    image: UInt8[np.ndarray, "view height width"]
    patch_xyz: Float32[np.ndarray, "view row column 3"]
    patch_valid: Bool[np.ndarray, "view row column"]
    point_pixels: Float32[np.ndarray, "view point 2"]
    point_visible: Bool[np.ndarray, "view point"]


class References:
    """Views of the shapes of some shards, of which each has ``reference_views``.

    ``capacity``: how many shapes' worth of views stays in memory.
    """

    def __init__(self, shards: list[Shard], capacity: int, reference_views: int) -> None:
        self._shards = shards
        self._values: OrderedDict[tuple[int, str, int, int | None], Any] = OrderedDict()
        self._capacity = capacity * len(BY_VIEW) * reference_views

    def reference(self, file: int, row: int, views: Int64[np.ndarray, " view"]) -> Reference:
        """The ``views`` of row ``row`` of ``shapes/`` in the shard numbered ``file``."""
        return Reference(*(self._read(file, name, row, views) for name in Reference._fields))

    def cameras(self, file: int, row: int, views: Int64[np.ndarray, " view"]) -> Cameras:
        """What these views see, for exact correspondences."""
        return Cameras(*(self._read(file, name, row, views) for name in Cameras._fields))

    def _read(
        self, file: int, name: str, row: int, views: Int64[np.ndarray, " view"]
    ) -> Shaped[np.ndarray, "view ..."]:
        if name in BY_VIEW:
            asked = views.tolist() or [0]  # of no views, an array with the axes that they would have
            return np.stack([self._value(file, name, row, view) for view in asked])[: len(views)]
        values: Shaped[np.ndarray, "view ..."] = self._value(file, name, row, None)[views]
        return values

    def _value(self, file: int, name: str, row: int, view: int | None) -> Any:
        key = (file, name, row, view)
        if key not in self._values:
            self._values[key] = self._shards[file].row("shapes", name, row, view)
        self._values.move_to_end(key)
        value = self._values[key]
        while len(self._values) > self._capacity:
            self._values.popitem(last=False)
        return value


def draw_matches(
    reference: Reference, count: int, generator: np.random.Generator
) -> tuple[Float32[np.ndarray, "view {count} 2 2"], Bool[np.ndarray, "view {count}"]]:
    """Draw surface points seen both in each of the views and in the next one, the last pairing with the first.

    Returns pixels (x, y) in the two views, and false where too few points are visible in both.
    """
    views = len(reference.point_visible)
    pixels = np.zeros((views, count, 2, 2), dtype=np.float32)
    valid = np.zeros((views, count), dtype=bool)
    for view in range(views):
        pair = np.array([[view], [(view + 1) % views]])
        seen = np.flatnonzero(reference.point_visible[pair[:, 0]].all(axis=0))
        points, valid[view] = draw(seen, count, generator)
        pixels[view] = reference.point_pixels[pair, points].swapaxes(0, 1)
    return pixels, valid


def draw(
    choices: Int64[np.ndarray, " point"], count: int, generator: np.random.Generator
) -> tuple[Int64[np.ndarray, " {count}"], Bool[np.ndarray, " {count}"]]:
    """``count`` distinct choices, filled up with zeros that the second array marks false.

    >>> drawn, valid = draw(np.array([7]), 3, np.random.default_rng(0))
    >>> drawn.tolist(), valid.tolist()
    ([7, 0, 0], [True, False, False])
    """
    drawn = generator.permutation(choices)[:count]
    padded = np.zeros(count, dtype=np.int64)
    padded[: len(drawn)] = drawn
    return padded, np.arange(count) < len(drawn)

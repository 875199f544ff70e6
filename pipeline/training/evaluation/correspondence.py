"""Which view of a shape is the closest to a query, and whether patches match where they should: we know the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.shards.reader import Shard
from pipeline.training.evaluation.metrics import PCK_SHARES
from pipeline.training.index import SplitIndex
from pipeline.training.truth import Cameras, patch_centres, shown_in, unmoved_points

TIE_DEGREES = 1e-3  # views that differ less in angle are equally close


class Truth:
    """Cameras and depths of a split, read when asked for; the shape read last is kept."""

    def __init__(self, index: SplitIndex) -> None:
        self._index = index
        self._shards = [Shard(path) for path in index.files]
        self._last: tuple[tuple[int, int], Cameras] | None = None

    def closest_views(self, item: int) -> NDArray[np.bool_]:
        """(n,) bool: the view whose camera looks from nearly the same direction, or several that tie."""
        query = self._shard(item).row("queries", "world_to_camera", int(self._index.row[item]))
        return closest_views(query, self._cameras(item).world_to_camera)

    def pck(
        self, item: int, similarity: NDArray[np.float32], valid: NDArray[np.bool_], patches: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(len(PCK_SHARES),) share of right matches in the closest view, NaN where no patch can be judged.

        similarity: (t, n, h w); valid: (n, h w), false on background; patches: (p,) of the query's object.
        """
        size = self._index.size
        view = int(np.argmax(self.closest_views(item)))
        cameras = self._cameras(item)
        xyz, known = unmoved_points(self._shard(item), int(self._index.row[item]), patch_centres(patches, size))
        pixels, shown = shown_in(xyz, Cameras(*(values[view] for values in cameras)))
        judged = known & shown
        if not judged.any() or not valid[view].any():
            return np.full(len(PCK_SHARES), np.nan)
        matched = np.where(valid[view], similarity[patches[judged], view], -np.inf).argmax(-1)
        distance = np.linalg.norm(patch_centres(matched, size) - pixels[judged], axis=-1)
        return np.array([(distance <= share * max(size)).mean() for share in PCK_SHARES])

    def _shard(self, item: int) -> Shard:
        return self._shards[int(self._index.file[item])]

    def _cameras(self, item: int) -> Cameras:
        key = int(self._index.file[item]), int(self._index.shape_row[item])
        if self._last is None or self._last[0] != key:
            shard = self._shard(item)
            self._last = key, Cameras(*(shard.row("shapes", name, key[1]) for name in Cameras._fields))
        return self._last[1]


def closest_views(query: NDArray[np.floating], views: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(n,) bool: which cameras (n, 4, 4) look at the origin from the direction nearest to the query's (4, 4)."""
    directions = _direction(views)
    degrees = np.degrees(np.arccos(np.clip(directions @ _direction(query), -1, 1)))
    return degrees <= degrees.min() + TIE_DEGREES


def camera_angles(world_to_camera: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, 2) degrees: azimuth, from the front (+Z) toward +X, and elevation of cameras (n, 4, 4)."""
    x, y, z = np.moveaxis(_direction(world_to_camera), -1, 0)
    return np.degrees(np.stack([np.arctan2(x, z) % (2 * np.pi), np.arcsin(np.clip(y, -1, 1))], axis=-1))


def view_scores(
    similarity: NDArray[np.float32], valid: NDArray[np.bool_], patches: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,): how well each view shows what the query shows, the mean over its object's patches of the best match there.

    similarity: (t, n, h w), M of Eq. 12; valid: (n, h w); patches: (p,). -inf for views that show nothing.
    """
    best = np.where(valid, similarity[patches], -np.inf).max(axis=-1)
    return best.mean(axis=0, dtype=np.float64) if len(patches) else np.where(valid.any(-1), 0.0, -np.inf)


def _direction(world_to_camera: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 3) unit vectors from the world's origin to the cameras."""
    extrinsics = world_to_camera.astype(np.float64)
    centre = -np.einsum("...ji,...j->...i", extrinsics[..., :3, :3], extrinsics[..., :3, 3])
    return centre / np.linalg.norm(centre, axis=-1, keepdims=True)

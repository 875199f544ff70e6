"""Which view of a shape is the closest to a query, and whether patches match where they should: we know the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor

from pipeline.format.cameras import centre_of
from pipeline.format.reader import Shard
from pipeline.training.evaluation.metrics import PCK_SHARES
from pipeline.training.index import SplitIndex
from pipeline.training.models.interface import Inputs
from pipeline.training.truth import Cameras, patch_centres, shown_in, unmoved_points

TIE_DEGREES = 1e-3  # views that differ less in angle are equally close


class ViewMatches(NamedTuple):
    """The best match of each query patch in each view, by M (Eq. 12).

    similarity: -inf in views that show nothing; patch: the view's patch.
    """

    similarity: Float32[np.ndarray, "patch view"]
    patch: Int64[np.ndarray, "patch view"]


def view_matches(
    query: Float[Tensor, "batch patch descriptor"],
    views: Float[Tensor, "view key descriptor"],
    inputs: Inputs,
) -> list[ViewMatches]:
    """For each sample, by descriptors whose products are M; M is never whole."""
    found = []
    for own, chosen in zip(query, inputs.chosen, strict=True):
        valid = inputs.views.patch_valid[chosen].flatten(1)[:, None]
        best = (own @ views[chosen].transpose(1, 2)).masked_fill(~valid, -torch.inf).max(dim=-1)  # view patch
        found.append(ViewMatches(best.values.T.cpu().numpy(), best.indices.T.cpu().numpy()))
    return found


class Truth:
    """Cameras and depths of a split, read when asked for; the shape read last is kept."""

    def __init__(self, index: SplitIndex) -> None:
        self._index = index
        self._shards = [Shard(path) for path in index.files]
        self._last: tuple[tuple[int, int], Cameras] | None = None

    def closest_views(self, item: int) -> Bool[np.ndarray, " view"]:
        """The view whose camera looks from nearly the same direction, or several that tie."""
        query = self._shard(item).row("queries", "world_to_camera", int(self._index.row[item]))
        return closest_views(query, self._cameras(item).world_to_camera)

    def errors(
        self, item: int, view: int, matches: ViewMatches, patches: Int64[np.ndarray, " point"]
    ) -> Float64[np.ndarray, " point"]:
        """How far the matches of some query patches in a view are from the truth, in the image's longer edges.

        NaN where the view does not show what the query's patch shows in its middle, or a part is not the reference's.
        """
        size = self._index.size
        xyz, known = unmoved_points(self._shard(item), int(self._index.row[item]), patch_centres(patches, size))
        pixels, shown = shown_in(xyz, Cameras(*(values[view] for values in self._cameras(item))))
        judged = known & shown & np.isfinite(matches.similarity[patches, view])
        distance = np.linalg.norm(patch_centres(matches.patch[patches, view], size) - pixels, axis=-1)
        return np.where(judged, distance / max(size), np.nan)

    def pck(
        self, item: int, matches: ViewMatches, patches: Int64[np.ndarray, " point"]
    ) -> Float64[np.ndarray, " tolerance"]:
        """Share of right matches in the closest view by ``PCK_SHARES``, NaN where none of some patches can be judged.

        Of several closest views it is the first.
        """
        errors = self.errors(item, int(np.argmax(self.closest_views(item))), matches, patches)
        judged = errors[~np.isnan(errors)]
        if len(judged) == 0:
            return np.full(len(PCK_SHARES), np.nan)
        return (judged[:, None] <= np.array(PCK_SHARES)).mean(axis=0)

    def _shard(self, item: int) -> Shard:
        return self._shards[int(self._index.file[item])]

    def _cameras(self, item: int) -> Cameras:
        key = int(self._index.file[item]), int(self._index.shape_row[item])
        if self._last is None or self._last[0] != key:
            shard = self._shard(item)
            self._last = key, Cameras(*(shard.row("shapes", name, key[1]) for name in Cameras._fields))
        return self._last[1]


def closest_views(query: Float[np.ndarray, "4 4"], views: Float[np.ndarray, "view 4 4"]) -> Bool[np.ndarray, " view"]:
    """Which cameras look at the origin from the direction nearest to the query's.

    >>> from pipeline.format.cameras import look_at_origin
    >>> views = np.stack([look_at_origin(azimuth, 0, 2.5) for azimuth in (0, 90, 180)])
    >>> closest_views(look_at_origin(80, 10, 2.5), views).tolist()
    [False, True, False]
    """
    directions = _direction(views)
    degrees = np.degrees(np.arccos(np.clip(directions @ _direction(query), -1, 1)))
    return degrees <= degrees.min() + TIE_DEGREES


def camera_angles(world_to_camera: Float[np.ndarray, "view 4 4"]) -> Float64[np.ndarray, "view 2"]:
    """Degrees: azimuth, from the front (+Z) toward +X, and elevation of cameras.

    >>> from pipeline.format.cameras import look_at_origin
    >>> camera_angles(look_at_origin(30, 20, 2.5)[None]).round(6).tolist()
    [[30.0, 20.0]]
    """
    x, y, z = np.moveaxis(_direction(world_to_camera), -1, 0)
    return np.degrees(np.stack([np.arctan2(x, z) % (2 * np.pi), np.arcsin(np.clip(y, -1, 1))], axis=-1))


def view_scores(matches: ViewMatches, patches: Int64[np.ndarray, " point"]) -> Float64[np.ndarray, " view"]:
    """How well each view shows what the query shows, the mean similarity of its object's patches' best matches.

    patches: the object's. -inf for views that show nothing.
    """
    if len(patches) == 0:
        return np.where(np.isfinite(matches.similarity[0]), 0.0, -np.inf)
    return matches.similarity[patches].mean(axis=0, dtype=np.float64)


def _direction(world_to_camera: Float[np.ndarray, "*view 4 4"]) -> Float64[np.ndarray, "*view 3"]:
    """Unit vectors from the world's origin to the cameras."""
    centre = centre_of(world_to_camera)
    return centre / np.linalg.norm(centre, axis=-1, keepdims=True)

"""Evaluating models that compare queries with what their cameras see of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8, UInt16
from numpy.typing import NDArray

from pipeline.format.cameras import Camera
from pipeline.format.combine import union
from pipeline.format.reader import Shard
from pipeline.pose.pose import ALL
from pipeline.pose.reference import SearchedReference, searched
from pipeline.pose.searching import DIRECTION
from pipeline.training.aligning.boxing import boxes_by_parts
from pipeline.training.aligning.cameras import Sighting, aligned, by_model, find, object_masks, see
from pipeline.training.aligning.naming import anomalous_part
from pipeline.training.aligning.references import read_scene
from pipeline.training.config import Comparing, KnownBy
from pipeline.training.evaluation.metrics import CameraSource
from pipeline.training.index import SplitIndex
from pipeline.training.models.interface import Inputs, Model, Prediction


class Comparison:
    """Queries of a split beside their references, one shape after another."""

    def __init__(
        self, model: Model, index: SplitIndex, config: Comparing, cameras: CameraSource, dtype: torch.dtype
    ) -> None:
        assert config.reference != "none"
        self._model, self._index, self._dtype = model, index, dtype
        self._known_by: KnownBy = config.reference
        self._rays, self._cameras = config.rays, cameras
        self._shards = [Shard(path) for path in index.files]
        self._last: tuple[int, SearchedReference] | None = None

    def look(self, inputs: Inputs, items: Sequence[int]) -> tuple[Inputs, list[Sighting | None]]:
        """Queries ``items``, all of one shape, with the reference from each one's camera, and these; None where no
        camera was found.
        """
        reference = self._reference(items[0])
        if self._cameras == "true":
            seen: list[Sighting | None] = [see(reference, self._camera(item), self._rays) for item in items]
            return aligned(inputs, seen), seen
        if self._cameras == "true-mask":
            masks = list((inputs.object_mask > 127).cpu().numpy())
        else:
            masks = object_masks(self._model, inputs, self._dtype)
        free = ALL if self._cameras == "any" else DIRECTION
        seen = find(masks, reference, free, by_model(self._model, inputs, self._dtype), self._rays)
        return aligned(inputs, seen), seen

    def boxed(self, prediction: Prediction, sightings: Sequence[Sighting | None]) -> Prediction:
        """With boxes by parts, where these are known."""
        if self._known_by != "mesh":
            return prediction
        return prediction._replace(box=boxes_by_parts(prediction, sightings))

    def judge(
        self, prediction: Prediction, sightings: Sequence[Sighting | None], items: Sequence[int]
    ) -> dict[str, NDArray[Any]]:
        """``pose_error`` and ``part_right`` of ``Scores``."""
        assert prediction.maps is not None
        places = prediction.maps[:, 1:].sigmoid().cpu().numpy()
        found: dict[str, list[float]] = {"pose_error": [], "part_right": []}
        for (old, new), sighting, item in zip(places, sightings, items, strict=True):
            camera = self._camera(item)
            found["pose_error"].append(180.0 if sighting is None else angle(sighting.camera, camera))
            right = np.nan
            if self._index.label[item] and self._known_by == "mesh":
                named = 0 if sighting is None else anomalous_part(old, new, sighting.surface.part_ids)
                right = float(named in self._true_parts(item, self._reference(item).scene.render(camera).part_ids))
            found["part_right"].append(right)
        return {name: np.array(values) for name, values in found.items()}

    def _reference(self, item: int) -> SearchedReference:
        shape = int(self._index.shape[item])
        if self._last is None or self._last[0] != shape:
            shard, row = self._shard(item), int(self._index.shape_row[item])
            self._last = shape, searched(shard.reference(row), read_scene(shard, row, self._known_by))
        return self._last[1]

    def _shard(self, item: int) -> Shard:
        return self._shards[int(self._index.file[item])]

    def _camera(self, item: int) -> Camera:
        shard, row = self._shard(item), int(self._index.row[item])
        return Camera.stored(*shard.camera("queries", row), self._index.size[0])

    def _true_parts(self, item: int, part_ids: UInt16[np.ndarray, "height width"]) -> set[int]:
        """Ids of the anomalous parts, given those that the reference shows."""
        shard, row = self._shard(item), int(self._index.row[item])
        anomalies = [shard.anomaly(i) for i in shard.anomaly_rows(row)]
        old = union((anomaly.mask_old for anomaly in anomalies), self._index.size)
        if old.any():
            return most_of(part_ids, old)
        new = union((anomaly.mask_new for anomaly in anomalies), self._index.size)
        return most_of(shard.row("queries", "part_ids", row), new)


def angle(one: Camera, other: Camera) -> float:
    """Degrees between the directions in which two cameras are seen from the origin."""
    a, b = (camera.centre / np.linalg.norm(camera.centre) for camera in (one, other))
    return float(np.rad2deg(np.arccos(np.clip(a @ b, -1.0, 1.0))))


def most_of(part_ids: UInt16[np.ndarray, "height width"], mask: UInt8[np.ndarray, "height width"]) -> set[int]:
    """Parts of which a mask, 0 or 255, covers at least half of what shows.

    >>> most_of(np.array([[1, 1, 2, 0]], dtype=np.uint16), np.array([[0, 255, 0, 255]], dtype=np.uint8))
    {1}
    """
    shown: Int64[np.ndarray, " part"] = np.bincount(part_ids.ravel())
    covered = np.bincount(part_ids[mask > 0], minlength=len(shown))
    return set(np.flatnonzero((2 * covered >= shown) & (shown > 0)).tolist()) - {0}

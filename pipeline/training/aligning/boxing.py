"""Where an anomaly is, by the reference's parts: a map tells what changed, and a box is around the whole part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt16
from torch import Tensor

from pipeline.training.aligning.cameras import Sighting
from pipeline.training.aligning.naming import anomalous_part
from pipeline.training.models.compare import SPECK
from pipeline.training.models.interface import Prediction

#: A part of which less than this share is left is gone.
LEFT = 0.15
#: Nothing of a part is gone where no pixel's probability is higher: what is new shows in front of it.
HINT = 0.05


def boxes_by_parts(prediction: Prediction, sightings: Sequence[Sighting | None]) -> Float[Tensor, "batch 4"]:
    """The boxes of a model that compares with a mesh, by ``part_box`` where that tells more."""
    assert prediction.box is not None and prediction.maps is not None
    places = prediction.maps[:, 1:].sigmoid().cpu().numpy()
    boxes = prediction.box.clone()
    for number, (sighting, (old, new)) in enumerate(zip(sightings, places, strict=True)):
        box = None if sighting is None else part_box(old, new, sighting.surface.part_ids)
        if box is not None:
            boxes[number] = torch.from_numpy(box).to(boxes)
    return boxes


def part_box(
    old: Float[np.ndarray, "height width"],
    new: Float[np.ndarray, "height width"],
    part_ids: UInt16[np.ndarray, "height width"],
) -> Float64[np.ndarray, " 4"] | None:
    """The box (cx, cy, w, h), in shares of the image, around the anomalous part.

    Around what is new, and what is left of the part where it was if some of it is gone, for of a part that moved a
    little the maps show the rims alone. Where nothing is either, the part is missing, and the box is around where it
    was. old, new: probabilities of pixels, as of ``MAPS``. None where no part is found.

    >>> ids = np.array([[1, 1, 1, 0]], dtype=np.uint16)
    >>> part_box(np.array([[0.9, 0.8, 0.1, 0.0]]), np.zeros((1, 4)), ids).tolist()  # a third is left
    [0.625, 0.5, 0.25, 1.0]
    """
    part = anomalous_part(old, new, part_ids)
    if not part:
        return None
    whole = part_ids == part
    shown = whole & (old <= 0.5)
    if old[whole].max() <= HINT or shown.sum() <= LEFT * whole.sum():
        shown[:] = False
    if (new > 0.5).sum() > SPECK * (old > 0.5).sum():
        shown |= new > 0.5
    rows, columns = np.nonzero(shown if shown.any() else whole)
    low, high = (np.array([f(columns), f(rows)]) for f in (np.min, np.max))
    size = np.array(part_ids.shape[::-1])
    return np.concatenate([(low + high + 1) / 2 / size, (high + 1 - low) / size])

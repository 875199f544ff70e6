"""All anomalies of one image as one: what its row of ``queries/`` says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.format.labels import LABELS, NORMAL, SEVERAL
from pipeline.format.schema import TEXT_BYTES, AnomalyRecord

Mask = NDArray[np.uint8]


def combine(anomalies: Sequence[AnomalyRecord], shape: tuple[int, ...]) -> AnomalyRecord:
    """The only anomaly itself; of none, type normal with zeros; of several, type several.

    Then part_label lists all (``join_labels``), the box is the one around all boxes and both masks are
    unions. ``shape``: (H, W) of the image.
    """
    if len(anomalies) == 1:
        return anomalies[0]
    names = anomalies[0].type_names if anomalies else LABELS
    return AnomalyRecord(
        anomaly_type=names.index(SEVERAL if anomalies else NORMAL),
        part_label=join_labels(anomaly.part_label for anomaly in anomalies),
        bbox=_around([anomaly.bbox for anomaly in anomalies]),
        mask_new=union((anomaly.mask_new for anomaly in anomalies), shape),
        mask_old=union((anomaly.mask_old for anomaly in anomalies), shape),
        type_names=names,
    )


def region(anomalies: Iterable[AnomalyRecord], shape: tuple[int, ...]) -> Mask:
    """What the box of the image bounds, (H, W): the regions of all its anomalies."""
    return union((anomaly.region for anomaly in anomalies), shape)


def union(masks: Iterable[Mask], shape: tuple[int, ...]) -> Mask:
    """Where any of the masks is set, 0 or 255; of no masks, empty of the given shape.

    >>> union([np.array([[0, 255]], np.uint8), np.array([[255, 0]], np.uint8)], (1, 2)).tolist()
    [[255, 255]]
    """
    return np.maximum.reduce([np.zeros(shape, dtype=np.uint8), *masks])


def join_labels(labels: Iterable[str]) -> str:
    """The labels with "; " between them, cut with an ellipsis where a text of a shard ends."""
    text = "; ".join(labels)
    if len(text.encode()) <= TEXT_BYTES:
        return text
    ellipsis = "…"
    # A character that the cut would split is left out.
    return text.encode()[: TEXT_BYTES - len(ellipsis.encode())].decode(errors="ignore") + ellipsis


def _around(boxes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The box [x, y, width, height] around all; zeros around none."""
    if not boxes:
        return np.zeros(4, dtype=np.float32)
    low = np.min([box[:2] for box in boxes], axis=0)
    high = np.max([box[:2] + box[2:] for box in boxes], axis=0)
    return np.concatenate([low, high - low]).astype(np.float32)

"""Which images may enter the dataset, and why the others may not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.quality.config import QualityConfig
from pipeline.quality.counterfactual import Comparison, compare
from pipeline.quality.images import index_agreement, magenta_share, object_contrast
from pipeline.views.select import View


@dataclass(frozen=True)
class Verdict:
    """reasons: empty for a good image; the measurements stand beside them.

    anomaly_agreement: the least over the anomalies. comparison: with the counterfactual; None where there is none.
    """

    reasons: tuple[str, ...]
    contrast: float
    magenta: float
    agreement: float
    anomaly_agreement: float
    comparison: Comparison | None


def judge_query(
    image: NDArray[np.uint8],
    counterfactual: NDArray[np.uint8] | None,
    index: NDArray[np.uint16],
    view: View,
    config: QualityConfig,
) -> Verdict:
    """Judge one query image (H, W, 3) and Blender's part ids (H, W) against the rays and masks of its view.

    ``counterfactual``: the same view of the intact shape (H, W, 3), where it was drawn.
    """
    contrast = object_contrast(image, view.object_mask)
    magenta = magenta_share(image, view.object_mask)
    agreement = index_agreement(index, view.image.part_ids)
    by_anomaly = [index_agreement(index, view.image.part_ids, (mark.new | mark.old) > 0) for mark in view.marks]
    anomaly_agreement = min(by_anomaly, default=1.0)
    comparison = None if counterfactual is None else compare(image, counterfactual, view, config.min_change)
    found = {
        "blank-image": contrast < config.min_object_contrast,
        "missing-texture": magenta > config.max_magenta_share,
        "index-disagrees": agreement < config.min_index_agreement,
        "anomaly-not-drawn": anomaly_agreement < config.min_anomaly_agreement,
        "anomaly-imperceptible": comparison is not None and not _perceptible(comparison, view, config),
        "changed-elsewhere": comparison is not None and comparison.detail > config.max_changed_elsewhere,
    }
    reasons = tuple(reason for reason, bad in found.items() if bad)
    return Verdict(reasons, contrast, magenta, agreement, anomaly_agreement, comparison)


def _perceptible(comparison: Comparison, view: View, config: QualityConfig) -> bool:
    """Whether each anomaly changes enough pixels, and one that leaves geometry alone enough of its part too."""
    least = config.min_perceptible_pixels * (len(view.object_mask) / 256) ** 2
    for change, mark in zip(comparison.changes, view.marks, strict=True):
        # What changes the whole object alike is not a change of the part.
        share = change.share - comparison.elsewhere
        if change.pixels < least or (mark.surface_only and share < config.min_changed_share):
            return False
    return True


def judge_reference(image: NDArray[np.uint8], part_ids: NDArray[np.uint16], config: QualityConfig) -> tuple[str, ...]:
    """Reasons against one reference view (H, W): a reference is all or nothing for its shape."""
    contrast = object_contrast(image, (part_ids > 0).astype(np.uint8))
    return ("blank-reference",) if contrast < config.min_object_contrast else ()

"""Which images may enter the dataset, and why the others may not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.config import QualityConfig
from pipeline.quality.images import Image, changed_share, index_agreement, magenta_share, object_contrast
from pipeline.views.select import View


@dataclass(frozen=True)
class Verdict:
    """reasons: empty for a good image; the measurements stand beside them.

    anomaly_agreement: the least over the anomalies. appearance_change: share of pixels that differ from the image drawn
    without changes of surface, over the part whose surface changed (of several the least);
    appearance_elsewhere: the same over the rest of the object; None where no surface changed.
    """

    reasons: tuple[str, ...]
    contrast: float
    magenta: float
    agreement: float
    anomaly_agreement: float
    appearance_change: float | None
    appearance_elsewhere: float | None


def judge_query(
    image: NDArray[np.uint8],
    plain: NDArray[np.uint8],
    index: NDArray[np.uint16],
    view: View,
    config: QualityConfig,
) -> Verdict:
    """Judge one query image (H, W, 3) and Blender's part ids (H, W) against the rays and masks of its view.

    ``plain``: the image (H, W, 3) without changes of surface; not looked at where the view has none.
    """
    contrast = object_contrast(image, view.object_mask)
    magenta = magenta_share(image, view.object_mask)
    agreement = index_agreement(index, view.image.part_ids)
    by_anomaly = [index_agreement(index, view.image.part_ids, (mark.new | mark.old) > 0) for mark in view.marks]
    anomaly_agreement = min(by_anomaly, default=1.0)
    change, elsewhere = _appearance(image, plain, view, config.min_change)
    found = {
        "blank-image": contrast < config.min_object_contrast,
        "missing-texture": magenta > config.max_magenta_share,
        "index-disagrees": agreement < config.min_index_agreement,
        "anomaly-not-drawn": anomaly_agreement < config.min_anomaly_agreement,
        # What changes the whole object alike is not a change of the part.
        "appearance-unchanged": change is not None and change - (elsewhere or 0.0) < config.min_changed_share,
    }
    reasons = tuple(reason for reason, bad in found.items() if bad)
    return Verdict(reasons, contrast, magenta, agreement, anomaly_agreement, change, elsewhere)


def _appearance(image: Image, plain: Image, view: View, least: float) -> tuple[float | None, float | None]:
    """``Verdict.appearance_change`` and ``appearance_elsewhere``."""
    regions = [mark.new > 0 for mark in view.marks if mark.surface_only]
    if not regions:
        return None, None
    rest = (view.object_mask > 0) & ~np.any(regions, axis=0)
    change = min(changed_share(image, plain, region, least) for region in regions)
    return change, changed_share(image, plain, rest, least)


def judge_reference(image: NDArray[np.uint8], part_ids: NDArray[np.uint16], config: QualityConfig) -> tuple[str, ...]:
    """Reasons against one reference view (H, W): a reference is all or nothing for its shape."""
    contrast = object_contrast(image, (part_ids > 0).astype(np.uint8))
    return ("blank-reference",) if contrast < config.min_object_contrast else ()

"""Which images may enter the dataset, and why the others may not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.config import QualityConfig
from pipeline.geometry.raycast import RayImage
from pipeline.quality.images import index_agreement, magenta_share, object_contrast
from pipeline.views.visibility import Masks, touches_frame


@dataclass(frozen=True)
class Verdict:
    """reasons: empty for a good image; the measurements stand beside them."""

    reasons: tuple[str, ...]
    contrast: float
    magenta: float
    agreement: float
    anomaly_agreement: float


def judge_query(
    image: NDArray[np.uint8], index: NDArray[np.uint16], cast: RayImage, masks: Masks, config: QualityConfig
) -> Verdict:
    """Judge one query image (H, W, 3) and Blender's part ids (H, W) against the ray cast and its masks."""
    contrast = object_contrast(image, masks.object)
    magenta = magenta_share(image, masks.object)
    agreement = index_agreement(index, cast.part_ids)
    anomaly_agreement = index_agreement(index, cast.part_ids, (masks.new | masks.old) > 0)
    found = {
        "blank-image": contrast < config.min_object_contrast,
        "missing-texture": magenta > config.max_magenta_share,
        "index-disagrees": agreement < config.min_index_agreement,
        "anomaly-not-drawn": anomaly_agreement < config.min_anomaly_agreement,
        "cut-by-frame": touches_frame(masks.object),
    }
    reasons = tuple(reason for reason, bad in found.items() if bad)
    return Verdict(reasons, contrast, magenta, agreement, anomaly_agreement)


def judge_reference(image: NDArray[np.uint8], part_ids: NDArray[np.uint16], config: QualityConfig) -> tuple[str, ...]:
    """Reasons against one reference view (H, W): a reference is all or nothing for its shape."""
    contrast = object_contrast(image, (part_ids > 0).astype(np.uint8))
    return ("blank-reference",) if contrast < config.min_object_contrast else ()

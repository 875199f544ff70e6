"""Which images may enter the dataset, and why the others may not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.config import QualityConfig
from pipeline.quality.images import index_agreement, magenta_share, object_contrast
from pipeline.views.visibility import touches_frame


@dataclass(frozen=True)
class Verdict:
    """reasons: empty for a good image; the measurements stand beside them."""

    reasons: tuple[str, ...]
    contrast: float
    magenta: float
    agreement: float


def judge_query(
    image: NDArray[np.uint8],
    index: NDArray[np.uint16],
    part_ids: NDArray[np.uint16],
    object_mask: NDArray[np.uint8],
    config: QualityConfig,
) -> Verdict:
    """Judge one query image (H, W, 3) against Blender's part ids, the ray cast's, and the object's mask."""
    contrast = object_contrast(image, object_mask)
    magenta = magenta_share(image, object_mask)
    agreement = index_agreement(index, part_ids)
    found = {
        "blank-image": contrast < config.min_object_contrast,
        "missing-texture": magenta > config.max_magenta_share,
        "index-disagrees": agreement < config.min_index_agreement,
        "cut-by-frame": touches_frame(object_mask),
    }
    return Verdict(tuple(reason for reason, bad in found.items() if bad), contrast, magenta, agreement)


def judge_reference(image: NDArray[np.uint8], part_ids: NDArray[np.uint16], config: QualityConfig) -> tuple[str, ...]:
    """Reasons against one reference view (H, W): a reference is all or nothing for its shape."""
    contrast = object_contrast(image, (part_ids > 0).astype(np.uint8))
    return ("blank-reference",) if contrast < config.min_object_contrast else ()

"""The counterfactual check: what an image shows that the same view of the intact shape does not.

Both are drawn with the same camera, light and materials. The anomaly must be perceptible where it is or was; what else
differs may only be shadow and light thrown back, which are smooth: where detail differs, something else was changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from pipeline.quality.images import Image, changed_share
from pipeline.views.select import View

#: Pixels around an anomaly that anti-aliasing, the denoiser and contact shadows may change.
MARGIN = 6
#: Shadows and bounced light are even over a window of this many pixels, at 256 x 256.
SMOOTH = 9


@dataclass(frozen=True)
class Change:
    """One anomaly of an image. pixels: those of its region (where it is or was) that differ visibly; share: of the
    region's pixels."""

    anomaly: str
    pixels: int
    share: float


@dataclass(frozen=True)
class Comparison:
    """An image against its counterfactual.

    elsewhere: share of the object's pixels away from all anomalies that differ visibly; detail: share of them whose
    difference departs visibly from the mean around them, so that no shadow explains it.
    """

    changes: tuple[Change, ...]
    elsewhere: float
    detail: float


def compare(image: Image, counterfactual: Image, view: View, least: float) -> Comparison:
    """Compare two images (H, W, 3) of ``view``; ``least``: what counts as visible (0-255, the mean over channels)."""
    regions = {mark.anomaly: (mark.new | mark.old) > 0 for mark in view.marks}
    touched = np.any([*regions.values(), view.object_mask != view.object_mask_normal], axis=0)
    size = 2 * round(MARGIN * len(image) / 256) + 1
    away = (view.object_mask > 0) & ~maximum_filter(touched, size)
    changes = []
    for name, region in regions.items():
        share = changed_share(image, counterfactual, region, least)
        changes.append(Change(name, round(share * int(region.sum())), share))
    elsewhere = changed_share(image, counterfactual, away, least)
    return Comparison(tuple(changes), elsewhere, _detail_share(image, counterfactual, away, least))


def _detail_share(image: Image, counterfactual: Image, region: NDArray[np.bool_], least: float) -> float:
    """Share of the pixels of ``region`` whose difference is off its local mean, within the region, by ``least``."""
    if not region.any():
        return 0.0
    difference = (image.astype(np.float64) - counterfactual) * region[..., None]
    size = 2 * round(SMOOTH * len(image) / 512) + 1
    weight = uniform_filter(region.astype(np.float64), size)
    mean = uniform_filter(difference, (size, size, 0)) / np.maximum(weight, 1e-9)[..., None]
    return float((np.abs(difference - mean).mean(axis=2) > least)[region].mean())

"""The soft shadow that rendered queries have on the ground, for objects cut out of photographs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter

from pipeline.format.boxes import bounding_box

#: How dark the shadow is at most; the rest in shares of the object's height: how much of its lower end casts it, how
#: high that lies on the ground, how far below the feet it ends, and how soft it is. Fitted to 105 renders of the
#: embedded default. Outside of the objects of 105 others the error (RMS of grey in [0, 1]) is 0.024, and 0.033 without.
DARKNESS, CASTING, FLATNESS, BELOW, SOFTNESS = 0.2, 0.5, 0.25, 0.05, 0.05


def contact_shadow(mask: UInt8[np.ndarray, "size size"]) -> Float64[np.ndarray, "size size"]:
    """Darkness in [0, DARKNESS] on the ground around and behind the feet of the object of ``mask``.

    The lower half of its silhouette laid flat, as a camera above the ground sees it, and blurred.
    """
    _, top, _, height = bounding_box(mask)
    if height == 0:
        return np.zeros(mask.shape)
    feet = top + height
    depth = max(1, round(FLATNESS * height))
    casting = Image.fromarray(mask[feet - max(1, round(CASTING * height)) : feet])
    flat = np.asarray(casting.resize((mask.shape[1], depth), Image.Resampling.BOX)) / 255.0
    end = feet + round(BELOW * height)
    ground = np.zeros((mask.shape[0] + height, mask.shape[1]))  # reaches below the frame, as the shadow may
    ground[end - depth : end] = flat
    return DARKNESS * np.clip(gaussian_filter(ground, SOFTNESS * height)[: mask.shape[0]], 0.0, 1.0)

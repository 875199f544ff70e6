"""Which part an anomaly is of, by the reference's parts as the photograph's camera sees them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt16

#: Something is gone where this is its probability; which part it is of, pixels tell within this share of the highest.
GONE, NEAR = 0.3, 0.75


def anomalous_part(
    old: Float[np.ndarray, "height width"],
    new: Float[np.ndarray, "height width"],
    part_ids: UInt16[np.ndarray, "height width"],
) -> int:
    """The part whose pixels are most alike to those where one was that is gone from there, 0 where no part is.

    old, new: probabilities of pixels, as of ``MAPS``, of which those near the highest count. Alike by
    intersection over union. Where nothing is gone, a part that shows in front of others counts where it is.

    >>> ids = np.array([[1, 1, 2, 0]], dtype=np.uint16)
    >>> anomalous_part(np.array([[0.1, 0.2, 0.9, 0.0]]), np.zeros((1, 4)), ids)
    2
    """
    shown = old if old.max() > GONE else np.maximum(old, new)
    shown = np.where(shown > NEAR * shown.max(), shown, 0.0)
    pixels = np.bincount(part_ids.ravel())
    inside = np.bincount(part_ids.ravel(), weights=shown.ravel())
    overlap = inside / np.maximum(pixels + shown.sum() - inside, 1e-9)
    overlap[0] = 0.0
    return int(overlap.argmax()) if overlap.any() else 0

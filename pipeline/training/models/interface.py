"""What every model takes and gives, so that one trainer and one evaluation serve them all."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Inputs(NamedTuple):
    """What a model sees of a batch of b query photos with n reference views of their shapes.

    image: (b, 3, H, W) uint8 colour; object_mask: (b, H, W) uint8, 0 or 255, the object in ``image``;
    views: (b, n, H, W) uint8 grayscale, their background white; patch_xyz: (b, n, H/8, W/8, 3) float32, world;
    patch_valid: (b, n, H/8, W/8) bool, false on background, which is never matched. One sample has no b.
    """

    image: Tensor
    object_mask: Tensor
    views: Tensor
    patch_xyz: Tensor
    patch_valid: Tensor


class Prediction(NamedTuple):
    """What a model says of a batch, and what its losses act on; None for what it does not have.

    logit: (b,), positive for anomalous; box: (b, 4) as (cx, cy, w, h) in shares of the image;
    view_descriptors: (b, n, h, w, c), unit length; similarity: (b, h w, n h w), M of Eq. 12;
    patch_logits: (b, h w), positive where a patch of the query shows the anomaly;
    shape_similarity: (b, b), how alike each query of the batch is to the shape of each, in [-1, 1].
    """

    logit: Tensor
    box: Tensor | None = None
    view_descriptors: Tensor | None = None
    similarity: Tensor | None = None
    patch_logits: Tensor | None = None
    shape_similarity: Tensor | None = None

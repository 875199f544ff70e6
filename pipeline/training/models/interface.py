"""What every model takes and gives, so that one trainer and one evaluation serve them all."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float, UInt8
from torch import Tensor


class Inputs(NamedTuple):
    """What a model sees of a batch of query photos with reference views of their shapes.

    object_mask: 0 or 255, the object in ``image``; views: grayscale, their background white; patch_xyz: in the world;
    patch_valid: false on background, which is never matched. One sample has no axis ``batch``.
    """

    image: UInt8[Tensor, "*batch 3 height width"]
    object_mask: UInt8[Tensor, "*batch height width"]
    views: UInt8[Tensor, "*batch view height width"]
    patch_xyz: Float[Tensor, "*batch view row column 3"]
    patch_valid: Bool[Tensor, "*batch view row column"]


class Prediction(NamedTuple):
    """What a model says of a batch, and what its losses act on; None for what it does not have.

    logit: positive for anomalous; box: (cx, cy, w, h) in shares of the image; view_descriptors: of unit length;
    similarity: of the query's patches to the views', M of Eq. 12; patch_logits: positive where a patch of the query
    shows the anomaly; shape_similarity: how alike each query of the batch is to the shape of each, in [-1, 1].
    """

    logit: Float[Tensor, " batch"]
    box: Float[Tensor, "batch 4"] | None = None
    view_descriptors: Float[Tensor, "batch view row column channel"] | None = None
    similarity: Float[Tensor, "batch patch key"] | None = None
    patch_logits: Float[Tensor, "batch patch"] | None = None
    shape_similarity: Float[Tensor, "batch batch"] | None = None

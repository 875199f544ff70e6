"""What every model takes and gives, so that one trainer and one evaluation serve them all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

#: What the number of patches near an object is rounded up to.
NEAR_MULTIPLE = 32


class Views(NamedTuple):
    """Reference views, no two of them the same: grayscale, their background white.

    patch_xyz: in the world; patch_valid: false on background, which is never matched; near: patches, row by row, among
    which are all that are valid or touch one that is: as many of each view, so that they make one array.
    """

    image: UInt8[Tensor, "view height width"]
    patch_xyz: Float[Tensor, "view row column 3"]
    patch_valid: Bool[Tensor, "view row column"]
    near: Int64[Tensor, "view near"]

    @classmethod
    def of(
        cls,
        image: UInt8[Tensor, "view height width"],
        patch_xyz: Float[Tensor, "view row column 3"],
        patch_valid: Bool[Tensor, "view row column"],
    ) -> Views:
        """With ``near`` found, whose number is rounded up: few lengths, so that compiled models are compiled few times.

        >>> valid = torch.zeros(1, 8, 8, dtype=torch.bool)
        >>> valid[0, 0, 0] = True
        >>> Views.of(torch.zeros(1, 64, 64, dtype=torch.uint8), torch.zeros(1, 8, 8, 3), valid).near.shape
        torch.Size([1, 32])
        """
        touching = functional.max_pool2d(patch_valid.float()[:, None], 3, 1, 1).flatten(1) > 0
        most = -(-max([1, *touching.sum(1).tolist()]) // NEAR_MULTIPLE) * NEAR_MULTIPLE
        return cls(image, patch_xyz, patch_valid, (~touching).to(torch.uint8).argsort(dim=1, stable=True)[:, :most])

    def to(self, device: torch.device) -> Views:
        return Views(*(tensor.to(device, non_blocking=True) for tensor in self))


#: What ``Inputs.aligned`` holds of each pixel: whether the reference is there, how far behind its middle (world units),
#: its normal in the camera's frame (x right, y down, z forward), and whether another part begins beside it.
ALIGNED = ("mask", "depth", "normal_x", "normal_y", "normal_z", "edge")


class Inputs(NamedTuple):
    """What a model sees of a batch of query photos with reference views of their shapes.

    object_mask: 0 or 255, the object in ``image``; chosen: which of the views each query is compared with. Queries of
    one shape share views, so that what a model makes of a view is made once. aligned: the reference as the query's
    camera sees it, by ``ALIGNED``, zeros where that is not known; None for models that do not look at it. One sample
    has no axis ``batch``.
    """

    image: UInt8[Tensor, "*batch 3 height width"]
    object_mask: UInt8[Tensor, "*batch height width"]
    views: Views
    chosen: Int64[Tensor, "*batch chosen"]
    aligned: Float[Tensor, "*batch aligned height width"] | None = None

    def to(self, device: torch.device) -> Inputs:
        image, mask, chosen = (x.to(device, non_blocking=True) for x in (self.image, self.object_mask, self.chosen))
        aligned = None if self.aligned is None else self.aligned.to(device, non_blocking=True)
        return Inputs(image, mask, self.views.to(device), chosen, aligned)


class Prediction(NamedTuple):
    """What a model says of a batch, and what its losses act on; None for what it does not have.

    logit: positive for anomalous; box: (cx, cy, w, h) in shares of the image; query_descriptors, view_descriptors: of
    the query's patches and of every view's, whose products are M of Eq. 12; patch_logits: positive where a patch of the
    query shows the anomaly; shape_similarity: how alike each query of the batch is to the shape of each, in [-1, 1];
    maps: of each pixel, positive where the object is, where a part was that is gone from there, and where one is that
    was not there; type_logits: highest for the anomaly's type, by ``LABELS``.
    """

    logit: Float[Tensor, " batch"]
    box: Float[Tensor, "batch 4"] | None = None
    query_descriptors: Float[Tensor, "batch patch descriptor"] | None = None
    view_descriptors: Float[Tensor, "view patch descriptor"] | None = None
    patch_logits: Float[Tensor, "batch patch"] | None = None
    shape_similarity: Float[Tensor, "batch batch"] | None = None
    maps: Float[Tensor, "batch 3 height width"] | None = None
    type_logits: Float[Tensor, "batch type"] | None = None


class Model(nn.Module):
    """A model of any kind. ``forward(inputs, seen)`` gives a Prediction.

    seen: what ``look`` made of ``inputs.views`` in evaluation mode; nothing to have it made now. matches: whether it
    has descriptors, to be aligned; they are then the last of what ``look`` gives.
    """

    matches = False

    def look(self, views: Views) -> tuple[Tensor, ...]:
        """All that the model makes of views alone; nothing where it looks at none. For evaluation mode."""
        return ()

"""Boxes and their overlap. A normalised box is (cx, cy, w, h) in shares of the image's width and height."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def corners(boxes: Float[Tensor, "*box 4"]) -> Float[Tensor, "*box 4"]:
    """Boxes (cx, cy, w, h) to (x0, y0, x1, y1).

    >>> corners(torch.tensor([0.5, 0.5, 0.5, 1.0])).tolist()
    [0.25, 0.0, 0.75, 1.0]
    """
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def iou(a: Float[Tensor, "*box 4"], b: Float[Tensor, "*box 4"]) -> Float[Tensor, "*box"]:
    """Intersection over union of corner boxes, pair by pair; 0 where both are empty.

    >>> iou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.5, 0.0, 1.0, 1.0]])).tolist()
    [0.5]
    """
    overlap, union = _overlap_and_union(a, b)
    return overlap / union.clamp(min=torch.finfo(union.dtype).tiny)


def generalised_iou(a: Float[Tensor, "*box 4"], b: Float[Tensor, "*box 4"]) -> Float[Tensor, "*box"]:
    """GIoU of corner boxes, pair by pair, in (-1, 1] (Rezatofighi et al., CVPR 2019).

    >>> left, right = torch.tensor([0.0, 0.0, 0.25, 1.0]), torch.tensor([0.75, 0.0, 1.0, 1.0])
    >>> generalised_iou(left, right).item()  # no overlap, and half of their hull is neither's
    -0.5
    """
    tiny = torch.finfo(a.dtype).tiny
    overlap, union = _overlap_and_union(a, b)
    hull = _area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], dim=-1))
    return overlap / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)


def _overlap_and_union(
    a: Float[Tensor, "*box 4"], b: Float[Tensor, "*box 4"]
) -> tuple[Float[Tensor, "*box"], Float[Tensor, "*box"]]:
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., 2:], b[..., 2:])
    overlap = _area(torch.cat([low, torch.maximum(low, high)], dim=-1))
    return overlap, _area(a) + _area(b) - overlap


def _area(boxes: Float[Tensor, "*box 4"]) -> Float[Tensor, "*box"]:
    width, height = (boxes[..., 2:] - boxes[..., :2]).unbind(-1)
    return width * height  # a GPU's gradient of Tensor.prod waits

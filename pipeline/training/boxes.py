"""Boxes and their overlap. A normalised box is (cx, cy, w, h) in shares of the image's width and height."""

from __future__ import annotations

import torch
from torch import Tensor


def corners(boxes: Tensor) -> Tensor:
    """(..., 4) boxes (cx, cy, w, h) to (x0, y0, x1, y1)."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of (..., 4) corner boxes, pair by pair; 0 where both are empty."""
    overlap, union = _overlap_and_union(a, b)
    return overlap / union.clamp(min=torch.finfo(union.dtype).tiny)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU of (..., 4) corner boxes, pair by pair, in (-1, 1] (Rezatofighi et al., CVPR 2019)."""
    tiny = torch.finfo(a.dtype).tiny
    overlap, union = _overlap_and_union(a, b)
    hull = _area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], dim=-1))
    return overlap / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)


def _overlap_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., 2:], b[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    return overlap, _area(a) + _area(b) - overlap


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)

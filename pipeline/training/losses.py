"""The losses of CMT: classification, view-agnostic local feature alignment (VLFA) and the box (Eqs. 13-15).

Each is a mean over a batch, which may be computed in parts, in several processes: a part gives sums, and what they are
divided by are ``Counts`` of the whole batch, known from its data before any part is computed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from pipeline.training.boxes import corners, generalised_iou
from pipeline.training.config import TrainingConfig
from pipeline.training.data import Sample
from pipeline.training.models.attention import gather_rows
from pipeline.training.models.interface import Prediction


class Losses(NamedTuple):
    """``total`` is the weighted sum that is minimised. Those of the parts of a batch add up to its own."""

    total: Float[Tensor, ""]
    classification: Float[Tensor, ""]
    query_view: Float[Tensor, ""]
    view_view: Float[Tensor, ""]
    box_l1: Float[Tensor, ""]
    box_giou: Float[Tensor, ""]
    contrast: Float[Tensor, ""]
    patches: Float[Tensor, ""]


class Counts(NamedTuple):
    """What the losses of a batch are means over. Those of its parts add up.

    samples, and the anomalous among them; query_anchors, view_anchors: of the two alignments; anomalous_patches.
    """

    samples: Int64[Tensor, ""]
    anomalous: Int64[Tensor, ""]
    query_anchors: Int64[Tensor, ""]
    view_anchors: Int64[Tensor, ""]
    patches: Int64[Tensor, ""]
    anomalous_patches: Int64[Tensor, ""]


def count(batch: Sample, config: TrainingConfig) -> Counts:
    """Counts of one part of a batch: its data decides them, no model does."""
    return Counts(
        samples=torch.tensor(len(batch.label), device=batch.label.device),
        anomalous=(batch.label > 0).sum(),
        query_anchors=_query_anchors(batch, config.query_labels == "exact").sum(),
        view_anchors=batch.match_valid.sum(),
        patches=torch.tensor(batch.anomalous_patches.numel(), device=batch.label.device),
        anomalous_patches=batch.anomalous_patches.sum(),
    )


def info_nce(
    similarity: Float[Tensor, "*group anchor key"],
    target: Int64[Tensor, "*group anchor"],
    anchor_valid: Bool[Tensor, "*group anchor"],
    key_valid: Bool[Tensor, "*group key"],
    temperature: float,
) -> Float[Tensor, ""]:
    """InfoNCE (Eq. 14), the sum over valid anchors of -log softmax(similarity / temperature)[target].

    target: each anchor's positive key. Keys that are not valid are neither positive nor negative. Zero where no anchor
    is valid.

    >>> valid, likeness = torch.tensor([True, True]), torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    >>> one = info_nce(likeness, torch.tensor([0, 0]), torch.tensor([True, False]), valid, temperature=0.1)
    >>> round(one.item(), 4)  # two keys alike to the only anchor that counts: log 2
    0.6931
    """
    logits = (similarity / temperature).masked_fill(~key_valid[..., None, :], torch.finfo(similarity.dtype).min)
    loss = logits.logsumexp(-1) - logits.gather(-1, target[..., None]).squeeze(-1)
    return loss.masked_fill(~anchor_valid, 0.0).sum()


def view_view_alignment(
    view_descriptors: Float[Tensor, "batch view row column channel"], batch: Sample, temperature: float
) -> Float[Tensor, ""]:
    """Points seen in two views must have like descriptors there, unlike those of the pair's other points."""
    height, width = batch.inputs.views.shape[-2:]
    scale = batch.matches.new_tensor([width, height])
    maps = view_descriptors.permute(0, 1, 4, 2, 3)  # batch view channel row column
    anchors = _sample_maps(maps, batch.matches[..., 0, :] / scale)
    keys = _sample_maps(maps.roll(-1, dims=1), batch.matches[..., 1, :] / scale)
    similarity = anchors @ keys.transpose(-1, -2)
    target = torch.arange(similarity.shape[-1], device=similarity.device).expand(similarity.shape[:-1])
    return info_nce(similarity, target, batch.match_valid, batch.match_valid, temperature)


def query_view_alignment(
    similarity: Float[Tensor, "batch patch key"], batch: Sample, temperature: float, exact: bool
) -> Float[Tensor, ""]:
    """Object patches of the query must match one patch of each view clearly.

    The positive is the patch that they match best (Eq. 13), or, if ``exact``, the one that
    shows the same point of the shape, in the views that show it.
    """
    count, patches = batch.inputs.patch_valid.shape[1], batch.inputs.patch_valid[0, 0].numel()
    key_valid = batch.inputs.patch_valid.flatten(2)  # batch view patch
    anchors = gather_rows(similarity, batch.object_patches)  # batch point key
    anchors = anchors.unflatten(-1, (count, patches)).transpose(1, 2)  # batch view point patch
    if exact:
        target = batch.true_patches
    else:
        target = anchors.detach().masked_fill(~key_valid[:, :, None], -torch.inf).argmax(-1)
    return info_nce(anchors, target, _query_anchors(batch, exact), key_valid, temperature)


def _query_anchors(batch: Sample, exact: bool) -> Bool[Tensor, "batch view point"]:
    """Which object patches of the query have a positive in which view."""
    key_valid = batch.inputs.patch_valid.flatten(2)
    if exact:  # a patch that shows the point at its rim may count as background
        return batch.true_patch_valid & key_valid.gather(-1, batch.true_patches)
    return batch.object_patch_valid[:, None] & key_valid.any(-1, keepdim=True)


def contrast(similarity: Float[Tensor, "batch batch"], batch: Sample, temperature: float) -> Float[Tensor, ""]:
    """Normal queries must be nearest to their own shape (InfoNCE within the batch; Lin et al., ICCV 2021).

    similarity: of queries with shapes. Another query's shape that is the same is neither positive nor negative.
    """
    own = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    open_to = own | (batch.shape[:, None] != batch.shape)
    target = torch.arange(len(similarity), device=similarity.device)
    return info_nce(similarity[:, None], target[:, None], (batch.label == 0)[:, None], open_to, temperature)


def patch_loss(
    logits: Float[Tensor, "batch patch"], anomalous: Bool[Tensor, "batch patch"], counts: Counts
) -> Float[Tensor, ""]:
    """Binary cross-entropy of patches, those that show an anomaly together counting as much as all others.

    The mean over the patches of ``counts``, to which these patches contribute.
    """
    each = functional.binary_cross_entropy_with_logits(logits, anomalous.float(), reduction="none")
    sums = torch.stack([(each * anomalous).sum(), (each * ~anomalous).sum()])
    sizes = torch.stack([counts.anomalous_patches, counts.patches - counts.anomalous_patches])
    return _mean(_mean(sums, sizes).sum(), (sizes > 0).sum())


def box_losses(
    box: Float[Tensor, "batch 4"], target: Float[Tensor, "batch 4"], anomalous: Float[Tensor, " batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sums of L1 and of 1 - GIoU over the anomalous samples, 1 in ``anomalous``, of normalised boxes.

    >>> box, target = torch.tensor([[0.5, 0.5, 1.0, 1.0]] * 2), torch.tensor([[0.5, 0.5, 0.5, 1.0]] * 2)
    >>> l1, giou = box_losses(box, target, torch.tensor([1.0, 0.0]))
    >>> l1.item(), giou.item()
    (0.5, 0.5)
    """
    l1 = (box - target).abs().sum(-1)
    giou = 1 - generalised_iou(corners(box), corners(target))
    return (l1 * anomalous).sum(), (giou * anomalous).sum()


def training_losses(prediction: Prediction, batch: Sample, config: TrainingConfig, counts: Counts) -> Losses:
    """Eq. 15, L_bce + a L_qv + (1 - a) L_vv, plus what models beyond CMT learn by.

    ``batch`` may be a part of the batch whose ``counts`` are given. Terms of what the model does not have are zero.
    """
    bce = functional.binary_cross_entropy_with_logits(prediction.logit, batch.label, reduction="sum")
    classification = _mean(bce, counts.samples)
    zero = torch.zeros_like(classification)
    query_view = view_view = box_l1 = box_giou = nearness = patches = zero
    if prediction.similarity is not None:
        exact = config.query_labels == "exact"
        alignment = query_view_alignment(prediction.similarity, batch, config.temperature, exact)
        query_view = _mean(alignment, counts.query_anchors)
    if prediction.view_descriptors is not None:
        alignment = view_view_alignment(prediction.view_descriptors, batch, config.temperature)
        view_view = _mean(alignment, counts.view_anchors)
    if prediction.box is not None:
        l1, giou = box_losses(prediction.box, batch.box, batch.label)
        box_l1, box_giou = _mean(l1, counts.anomalous), _mean(giou, counts.anomalous)
    if prediction.shape_similarity is not None:
        normal = counts.samples - counts.anomalous
        nearness = _mean(contrast(prediction.shape_similarity, batch, config.temperature), normal)
    if prediction.patch_logits is not None:
        patches = patch_loss(prediction.patch_logits, batch.anomalous_patches, counts)
    a = config.alignment_balance
    total = (
        classification
        + config.alignment_weight * (a * query_view + (1 - a) * view_view)
        + nearness
        + config.patch_weight * patches
    )
    total = total + config.box_l1 * box_l1 + config.box_giou * box_giou
    return Losses(total, classification, query_view, view_view, box_l1, box_giou, nearness, patches)


def _mean(total: Float[Tensor, "*group"], count: Int64[Tensor, "*group"]) -> Float[Tensor, "*group"]:
    """Zero where there is nothing to take the mean of."""
    return total / count.clamp(min=1)


def _sample_maps(
    maps: Float[Tensor, "batch view channel row column"], where: Float[Tensor, "batch view point 2"]
) -> Float[Tensor, "batch view point channel"]:
    """Bilinear samples of maps at places (x, y) in [0, 1], scaled to unit length."""
    grid = (2 * where - 1).flatten(0, 1)[:, None]
    sampled = functional.grid_sample(
        maps.flatten(0, 1), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return functional.normalize(sampled[:, :, 0].transpose(1, 2), dim=-1).unflatten(0, where.shape[:2])

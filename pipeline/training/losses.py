"""The losses of CMT: classification, view-agnostic local feature alignment (VLFA) and the box (Eqs. 13-15).

Each is a mean over a batch, which may be computed in parts, in several processes: a part gives sums, and what they are
divided by are ``Counts`` of the whole batch, known from its data before any part is computed.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from pipeline.training.boxes import corners, generalised_iou
from pipeline.training.config import TrainingConfig
from pipeline.training.data import Sample
from pipeline.training.models.attention import gather_rows, own_views
from pipeline.training.models.encoder import STRIDE
from pipeline.training.models.interface import Prediction

#: Of the anomaly's type beside the maps.
TYPE_WEIGHT = 0.2
#: How much more a pixel of the anomaly's places counts than another: they are few.
PLACE_WEIGHT = 4.0
#: What of the losses a step minimises: all, or those of the alignment, or the others.
Task = Literal["all", "alignment", "detection"]


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
    segmentation: Float[Tensor, ""]
    places: Float[Tensor, ""]
    type: Float[Tensor, ""]


class Counts(NamedTuple):
    """What the losses of a batch are means over. Those of its parts add up.

    samples; sighted: those that are not blind; anomalous: of these; query_anchors, view_anchors: of the two alignments;
    patches, anomalous_patches.
    """

    samples: Int64[Tensor, ""]
    sighted: Int64[Tensor, ""]
    anomalous: Int64[Tensor, ""]
    query_anchors: Int64[Tensor, ""]
    view_anchors: Int64[Tensor, ""]
    patches: Int64[Tensor, ""]
    anomalous_patches: Int64[Tensor, ""]


def count(batch: Sample, config: TrainingConfig) -> Counts:
    """Counts of one part of a batch: its data decides them, no model does."""
    return Counts(
        samples=torch.full_like(batch.shape[0], len(batch.label)),
        sighted=(~batch.blind).sum(),
        anomalous=((batch.label > 0) & ~batch.blind).sum(),
        query_anchors=_query_anchors(batch, config.query_labels == "exact").sum(),
        view_anchors=batch.match_valid.sum(),
        patches=torch.full_like(batch.shape[0], batch.anomalous_patches.numel()),
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


class Alignment(NamedTuple):
    """What aligns descriptors: those of the query's patches and of every view's, and the views' that serve as keys.

    keys: those of a moving average of the model, or ``views`` themselves.
    """

    query: Float[Tensor, "batch patch descriptor"]
    views: Float[Tensor, "view patch descriptor"]
    keys: Float[Tensor, "view patch descriptor"]


def view_view_alignment(found: Alignment, batch: Sample, config: TrainingConfig) -> Float[Tensor, ""]:
    """Points seen in two views must have like descriptors there, unlike those of the pair's other points."""
    chosen = batch.inputs.chosen
    height, width = batch.inputs.views.image.shape[-2:]
    anchors = descriptors_at(found.views, (height, width), chosen, batch.matches[..., 0, :])
    keys = descriptors_at(found.keys, (height, width), chosen.roll(-1, dims=1), batch.matches[..., 1, :])
    similarity = anchors @ keys.transpose(-1, -2)
    target = torch.arange(similarity.shape[-1], device=similarity.device).expand(similarity.shape[:-1])
    valid = batch.match_valid
    if config.negatives == "batch":
        similarity, key_valid = _among_others(similarity, valid, anchors, keys, valid, batch.shape)
        return info_nce(similarity, target, valid, key_valid, config.temperature)
    return info_nce(similarity, target, valid, valid, config.temperature)


def query_view_alignment(found: Alignment, batch: Sample, config: TrainingConfig) -> Float[Tensor, ""]:
    """Object patches of the query must match one patch of each view clearly.

    The positive is the patch that they match best (Eq. 13), or, with exact labels, the one that
    shows the same point of the shape, in the views that show it.
    """
    inputs, exact = batch.inputs, config.query_labels == "exact"
    key_valid = own_views(inputs.views.patch_valid, inputs.chosen).flatten(2)  # batch chosen patch
    keys = own_views(found.keys, inputs.chosen)
    anchors = gather_rows(found.query, batch.object_patches)[:, None]  # batch 1 point descriptor
    similarity = anchors @ keys.transpose(-1, -2)  # batch chosen point patch
    if exact:
        target = batch.true_patches
    else:
        target = similarity.detach().masked_fill(~key_valid[:, :, None], -torch.inf).argmax(-1)
    valid = _query_anchors(batch, exact)
    if config.negatives == "batch":
        positives = keys.gather(2, target[..., None].expand(-1, -1, -1, keys.shape[-1]))
        similarity, key_valid = _among_others(similarity, key_valid, anchors, positives, valid, batch.shape)
    return info_nce(similarity, target, valid, key_valid, config.temperature)


def _among_others(
    similarity: Float[Tensor, "batch chosen point key"],
    key_valid: Bool[Tensor, "batch chosen key"],
    anchors: Float[Tensor, " batch #chosen point descriptor"],
    positives: Float[Tensor, "batch chosen point descriptor"],
    positive_valid: Bool[Tensor, "batch chosen point"],
    shape: Int64[Tensor, " batch"],
) -> tuple[Float[Tensor, "batch chosen point all"], Bool[Tensor, "batch chosen all"]]:
    """The same with further keys: the positives of the batch's other shapes, which are negatives to all anchors."""
    others = anchors @ positives.flatten(0, 2).T
    apart = (shape[:, None] != shape).repeat_interleave(positive_valid[0].numel(), dim=1) & positive_valid.flatten()
    every = others.expand(*similarity.shape[:-1], -1)
    open_to = apart[:, None].expand(-1, key_valid.shape[1], -1)
    return torch.cat([similarity, every], dim=-1), torch.cat([key_valid, open_to], dim=-1)


def _query_anchors(batch: Sample, exact: bool) -> Bool[Tensor, "batch view point"]:
    """Which object patches of the query have a positive in which view."""
    key_valid = own_views(batch.inputs.views.patch_valid, batch.inputs.chosen).flatten(2)
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


def map_losses(
    maps: Float[Tensor, "batch 3 height width"], batch: Sample
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Binary cross-entropy of the object's map, and of the anomaly's places; sums over samples of means over pixels.

    The places' are of samples that are not blind, and their pixels count PLACE_WEIGHT times as much as others.
    """
    truth = torch.cat([batch.inputs.object_mask[:, None], batch.places], dim=1).float() / 255
    each = functional.binary_cross_entropy_with_logits(maps, truth, reduction="none")
    weight = 1.0 + (PLACE_WEIGHT - 1.0) * truth[:, 1:]
    places = (each[:, 1:] * weight).mean(dim=(1, 2, 3)) * ~batch.blind
    return each[:, 0].mean(dim=(1, 2)).sum(), places.sum()


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


def training_losses(
    prediction: Prediction,
    batch: Sample,
    config: TrainingConfig,
    counts: Counts,
    keys: Float[Tensor, "view patch descriptor"] | None = None,
    task: Task = "all",
) -> Losses:
    """Eq. 15, L_bce + a L_qv + (1 - a) L_vv, plus what models beyond CMT learn by.

    ``batch`` may be a part of the batch whose ``counts`` are given. keys: the views' descriptors by a moving average;
    task: what of the losses is wanted. Terms of the others, and of what the model does not have, are zero.
    """
    losses = Losses(*(torch.zeros_like(prediction.logit.sum()) for _ in Losses._fields))
    if task != "detection":
        losses = losses._replace(**_alignment(prediction, batch, config, counts, keys))
    if task != "alignment":
        losses = losses._replace(**_detection(prediction, batch, config, counts))
    a = config.alignment_balance
    total = (
        losses.classification
        + config.alignment_weight * (a * losses.query_view + (1 - a) * losses.view_view)
        + losses.contrast
        + config.patch_weight * losses.patches
        + config.map_weight * (losses.segmentation + losses.places + TYPE_WEIGHT * losses.type)
        + config.box_l1 * losses.box_l1
        + config.box_giou * losses.box_giou
    )
    return losses._replace(total=total)


def _alignment(
    prediction: Prediction,
    batch: Sample,
    config: TrainingConfig,
    counts: Counts,
    keys: Float[Tensor, "view patch descriptor"] | None,
) -> dict[str, Float[Tensor, ""]]:
    query, views = prediction.query_descriptors, prediction.view_descriptors
    if query is None or views is None:
        return {}
    found = Alignment(query, views, views if keys is None else keys)
    return {
        "query_view": _mean(query_view_alignment(found, batch, config), counts.query_anchors),
        "view_view": _mean(view_view_alignment(found, batch, config), counts.view_anchors),
    }


def _detection(
    prediction: Prediction, batch: Sample, config: TrainingConfig, counts: Counts
) -> dict[str, Float[Tensor, ""]]:
    sighted = ~batch.blind
    bce = functional.binary_cross_entropy_with_logits(prediction.logit, batch.label, reduction="none")
    found = {"classification": _mean((bce * sighted).sum(), counts.sighted)}
    if prediction.maps is not None and prediction.type_logits is not None:
        segmentation, places = map_losses(prediction.maps, batch)
        kind = functional.cross_entropy(prediction.type_logits, batch.anomaly_type, reduction="none", ignore_index=-1)
        found["segmentation"] = _mean(segmentation, counts.samples)
        found["places"] = _mean(places, counts.sighted)
        found["type"] = _mean((kind * sighted).sum(), counts.sighted)
    elif prediction.box is not None:
        l1, giou = box_losses(prediction.box, batch.box, batch.label)
        found |= {"box_l1": _mean(l1, counts.anomalous), "box_giou": _mean(giou, counts.anomalous)}
    if prediction.shape_similarity is not None:
        normal = counts.samples - counts.anomalous
        found["contrast"] = _mean(contrast(prediction.shape_similarity, batch, config.temperature), normal)
    if prediction.patch_logits is not None:
        found["patches"] = patch_loss(prediction.patch_logits, batch.anomalous_patches, counts)
    return found


def _mean(total: Float[Tensor, "*group"], count: Int64[Tensor, "*group"]) -> Float[Tensor, "*group"]:
    """Zero where there is nothing to take the mean of."""
    return total / count.clamp(min=1)


def descriptors_at(
    views: Float[Tensor, "view patch descriptor"],
    size: tuple[int, int],
    chosen: Int64[Tensor, "batch chosen"],
    pixels: Float[Tensor, "batch chosen point 2"],
) -> Float[Tensor, "batch chosen point descriptor"]:
    """Descriptors at pixels (x, y) of each query's views, of ``size``: bilinear between patches, scaled to unit length.

    Beyond the centres of the outermost patches the nearest counts.
    """
    rows, columns = size[0] // STRIDE, size[1] // STRIDE
    found = views.new_zeros(())
    for x, across in _neighbours(pixels[..., 0], columns):
        for y, down in _neighbours(pixels[..., 1], rows):
            patch = (y * columns + x).long() + chosen[..., None] * views.shape[1]
            corner = views.flatten(0, 1).index_select(0, patch.flatten()).unflatten(0, patch.shape)
            found = found + (across * down)[..., None] * corner
    return functional.normalize(found, dim=-1)


def _neighbours(
    pixels: Float[Tensor, "*point"], patches: int
) -> list[tuple[Float[Tensor, "*point"], Float[Tensor, "*point"]]]:
    """The two patches of a row of so many between whose centres pixels lie, and what each counts."""
    place = (pixels / STRIDE - 0.5).clamp(0, patches - 1)
    low = place.floor()
    return [(low, 1 - (place - low)), ((low + 1).clamp(max=patches - 1), place - low)]

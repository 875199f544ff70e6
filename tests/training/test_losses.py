"""Losses against brute force and known answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from pipeline.training.boxes import corners, generalised_iou, iou
from pipeline.training.config import TrainingConfig
from pipeline.training.data import Sample, ShardDataset, load_batches
from pipeline.training.index import index_split
from pipeline.training.losses import (
    Alignment,
    Counts,
    Losses,
    box_losses,
    contrast,
    count,
    descriptors_at,
    info_nce,
    map_losses,
    patch_loss,
    query_view_alignment,
    training_losses,
    view_view_alignment,
)
from pipeline.training.models.build import build_model
from pipeline.training.models.interface import Prediction
from tests.training.synthetic import TINY

coordinate = st.floats(0, 1, width=32)


@pytest.fixture(scope="module")
def batch(dataset: Path) -> Sample:
    samples = ShardDataset(index_split(dataset, "train"), TINY, augmented=True)
    found = next(load_batches(samples, [[(0, i, i) for i in range(4)]], 0, torch.device("cpu"))).samples
    assert found is not None
    return found


def losses_of(prediction: Prediction, batch: Sample, config: TrainingConfig) -> Losses:
    """Of a batch in one part."""
    return training_losses(prediction, batch, config, count(batch, config))


def test_info_nce_equals_brute_force() -> None:
    generator = torch.Generator().manual_seed(0)
    similarity = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    target = torch.randint(7, (2, 5), generator=generator)
    anchor_valid = torch.rand(2, 5, generator=generator) < 0.7
    key_valid = (torch.rand(2, 7, generator=generator) < 0.6).scatter(1, target, True)
    losses = []
    for b in range(2):
        for p in range(5):
            if anchor_valid[b, p]:
                terms = [math.exp(similarity[b, p, n] / 0.3) for n in range(7) if key_valid[b, n]]
                losses.append(-math.log(math.exp(similarity[b, p, target[b, p]] / 0.3) / sum(terms)))
    assert 0 < len(losses) < 10
    result = info_nce(similarity, target, anchor_valid, key_valid, 0.3)
    assert result.item() == pytest.approx(sum(losses))


def test_info_nce_of_n_equal_keys_is_log_n_an_anchor() -> None:
    everything = torch.ones(8, dtype=torch.bool)
    loss = info_nce(torch.zeros(8, 8), torch.arange(8), everything, everything, 0.1)
    assert loss.item() == pytest.approx(8 * math.log(8))


def test_info_nce_without_valid_anchors_is_zero_with_zero_gradient() -> None:
    similarity = torch.randn(3, 4, requires_grad=True)
    nothing = torch.zeros(3, dtype=torch.bool)
    loss = info_nce(similarity, torch.zeros(3, dtype=torch.long), nothing, torch.zeros(4, dtype=torch.bool), 0.1)
    loss.backward()
    assert loss.item() == 0 and similarity.grad is not None and (similarity.grad == 0).all()


def heat(temperature: float, **settings: Any) -> TrainingConfig:
    return TINY.model_copy(update={"temperature": temperature, **settings})


def aligned_by(views: torch.Tensor) -> Alignment:
    """For what looks at views alone."""
    return Alignment(views, views, views)


def position_maps(height: int, width: int) -> torch.Tensor:
    """(h, w, 64) unit descriptors that name their patch: cos and sin of x and of y at rising frequencies."""
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    phases = torch.stack([torch.pi * f * axis for axis in (x, y) for f in range(1, 17)], dim=-1)
    return torch.nn.functional.normalize(torch.cat([phases.cos(), phases.sin()], dim=-1), dim=-1)


def test_view_view_alignment_is_low_only_where_descriptors_agree_at_the_same_surface_points(batch: Sample) -> None:
    same = batch._replace(matches=batch.matches[..., :1, :].expand(-1, -1, -1, 2, -1))
    maps = position_maps(8, 8).flatten(0, 1).expand(len(batch.inputs.views.image), -1, -1)
    aligned = view_view_alignment(aligned_by(maps), same, heat(0.01))
    unaligned = view_view_alignment(aligned_by(maps), batch, heat(0.01))
    anchors = count(batch, TINY).view_anchors
    assert aligned / anchors < 0.5 < unaligned / anchors


def test_view_view_alignment_samples_patch_centres_exactly(batch: Sample) -> None:
    maps = torch.nn.functional.normalize(torch.randn(len(batch.inputs.views.image), 8, 8, 5), dim=-1)
    patches = torch.tensor([[1, 2], [6, 3], [4, 4], [2, 7], [0, 0], [7, 7], [3, 1], [5, 6]])  # x, y
    centres = (patches * 8 + 4).float()[:, None].expand(4, 2, -1, 2, -1)
    exact = batch._replace(matches=centres, match_valid=torch.ones(4, 2, 8, dtype=torch.bool))
    x, y = patches.T
    first, second = maps[batch.inputs.chosen][..., y, x, :].unbind(1)
    similarity = torch.stack([first @ second.mT, second @ first.mT], dim=1) / 0.1
    expected = -similarity.log_softmax(-1).diagonal(dim1=-2, dim2=-1).sum()
    torch.testing.assert_close(view_view_alignment(aligned_by(maps.flatten(1, 2)), exact, heat(0.1)), expected)


def descriptors(batch: Sample) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the query's patches and the views', and M of each query with each of its own views, (b, t, view, patch)."""
    generator = torch.Generator().manual_seed(0)
    query, views = (torch.randn(len(x), 64, 5, generator=generator) for x in (batch.label, batch.inputs.views.image))
    return query, views, torch.einsum("btc,bvpc->btvp", query, views[batch.inputs.chosen])


def own_valid(batch: Sample, b: int, view: int) -> torch.Tensor:
    """Patches of a view of a query that are no background."""
    return torch.nonzero(batch.inputs.views.patch_valid[batch.inputs.chosen[b, view]].flatten()).flatten()


def test_query_view_alignment_equals_brute_force_over_pseudo_labels(batch: Sample) -> None:
    query, views, similarity = descriptors(batch)
    losses = []
    for b in range(4):
        for view in range(2):
            for patch in batch.object_patches[b][batch.object_patch_valid[b]]:
                row = similarity[b, patch, view, own_valid(batch, b, view)] / 0.1
                losses.append(-row.log_softmax(0).max())
    assert losses
    found = query_view_alignment(Alignment(query, views, views), batch, heat(0.1))
    torch.testing.assert_close(found, torch.stack(losses).sum())
    assert count(batch, TINY).query_anchors == len(losses)


def test_query_view_alignment_never_touches_background_patches(batch: Sample) -> None:
    query, views, _ = descriptors(batch)
    views.requires_grad_()
    query_view_alignment(Alignment(query.requires_grad_(), views, views), batch, heat(0.1)).backward()
    assert query.grad is not None and query.grad.abs().sum() > 0
    assert views.grad is not None and views.grad.abs().sum() > 0
    assert (views.grad[~batch.inputs.views.patch_valid.flatten(1)] == 0).all()
    object_patches = torch.zeros(4, 64, dtype=torch.bool)
    for b in range(4):
        object_patches[b, batch.object_patches[b][batch.object_patch_valid[b]]] = True
    assert (query.grad[~object_patches] == 0).all()


def test_exact_query_view_alignment_equals_brute_force_over_the_true_patches(batch: Sample) -> None:
    query, views, similarity = descriptors(batch)
    generator = torch.Generator().manual_seed(0)
    known = batch._replace(
        true_patches=torch.randint(64, (4, 2, 8), generator=generator),
        true_patch_valid=torch.rand(4, 2, 8, generator=generator) < 0.7,
    )
    losses, background = [], 0
    for b in range(4):
        for view in range(2):
            open_to = own_valid(batch, b, view)
            for anchor, patch in enumerate(batch.object_patches[b].tolist()):
                target = known.true_patches[b, view, anchor]
                if known.true_patch_valid[b, view, anchor] and target not in open_to:
                    background += 1
                elif known.true_patch_valid[b, view, anchor]:
                    row = similarity[b, patch, view] / 0.1
                    losses.append(row[open_to].logsumexp(0) - row[target])
    assert losses and background
    found = query_view_alignment(Alignment(query, views, views), known, heat(0.1, query_labels="exact"))
    torch.testing.assert_close(found, torch.stack(losses).sum())
    assert count(known, TINY.model_copy(update={"query_labels": "exact"})).query_anchors == len(losses)


def test_negatives_of_the_batch_are_the_positives_of_its_other_shapes(batch: Sample) -> None:
    query, views, similarity = descriptors(batch)
    mixed = batch._replace(shape=torch.tensor([0, 0, 1, 2]))
    anchors = [  # query, view, patch, and the key that it matches best
        (
            b,
            view,
            int(patch),
            int(own_valid(mixed, b, view)[similarity[b, patch, view, own_valid(mixed, b, view)].argmax()]),
        )
        for b in range(4)
        for view in range(2)
        for patch in mixed.object_patches[b][mixed.object_patch_valid[b]]
    ]
    losses = []
    for b, view, patch, target in anchors:
        others = [
            query[b, patch] @ views[mixed.inputs.chosen[o, v], t]
            for o, v, _, t in anchors
            if mixed.shape[o] != mixed.shape[b]
        ]
        row = torch.cat([similarity[b, patch, view, own_valid(mixed, b, view)], torch.stack(others)]) / 0.1
        losses.append(row.logsumexp(0) - similarity[b, patch, view, target] / 0.1)
    found = query_view_alignment(Alignment(query, views, views), mixed, heat(0.1, negatives="batch"))
    torch.testing.assert_close(found, torch.stack(losses).sum(), rtol=1e-4, atol=1e-4)


def test_keys_are_those_of_the_moving_average_where_there_is_one(batch: Sample) -> None:
    query, views, _ = descriptors(batch)
    keys = views.flip(-1)
    for alignment, own in (
        (query_view_alignment, Alignment(query, keys, keys)),
        (view_view_alignment, Alignment(query, keys, keys)),
    ):
        mixed = alignment(Alignment(query, views, keys), batch, heat(0.1))
        assert (alignment is query_view_alignment) == bool(torch.isclose(mixed, alignment(own, batch, heat(0.1))))
        assert not torch.isclose(mixed, alignment(Alignment(query, views, views), batch, heat(0.1)))


def test_tasks_divide_the_losses_between_them(batch: Sample) -> None:
    prediction = build_model(TINY)(batch.inputs)
    counts = count(batch, TINY)
    aligning = training_losses(prediction, batch, TINY, counts, task="alignment")
    detecting = training_losses(prediction, batch, TINY, counts, task="detection")
    every = training_losses(prediction, batch, TINY, counts)
    torch.testing.assert_close(every.total, aligning.total + detecting.total)
    assert aligning.query_view > 0 == aligning.classification and detecting.classification > 0 == detecting.query_view


def test_descriptors_between_patches_are_those_of_torchs_bilinear_grid_sample() -> None:
    """Up to the image's rim, beyond the centres of the outermost patches, and outside of the image."""
    generator = torch.Generator().manual_seed(0)
    height, width, chosen = 4, 6, torch.tensor([[4, 0, 2], [1, 4, 3]])
    views = torch.randn(5, height * width, 7, generator=generator, dtype=torch.float64)
    size = torch.tensor([width, height]) * 8
    pixels = (torch.rand(2, 3, 40, 2, generator=generator, dtype=torch.float64) * 1.4 - 0.2) * size
    pixels[..., :3, :] = torch.tensor([[0.0, 0.0], [2.0, 30.0], [48.0, 32.0]])
    maps = views[chosen].flatten(0, 1).mT.unflatten(-1, (height, width))
    grid = (pixels / size * 2 - 1).flatten(0, 1)[:, None]
    sampled = functional.grid_sample(maps, grid, "bilinear", "border", align_corners=False)[:, :, 0]
    expected = functional.normalize(sampled, dim=1).mT.unflatten(0, (2, 3))
    torch.testing.assert_close(descriptors_at(views, (8 * height, 8 * width), chosen, pixels), expected)


def labelled(batch: Sample, label: list[int], shape: list[int]) -> Sample:
    return batch._replace(label=torch.tensor(label, dtype=torch.float32), shape=torch.tensor(shape))


def test_contrast_equals_brute_force_over_normal_queries_and_other_shapes(batch: Sample) -> None:
    label, shape = [0, 1, 0, 0], [5, 6, 5, 7]
    similarity = torch.rand(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    losses = []
    for query in (0, 2, 3):
        others = [s for s in range(4) if shape[s] != shape[query]]
        terms = [math.exp(similarity[query, s] / 0.2) for s in (query, *others)]
        losses.append(-math.log(terms[0] / sum(terms)))
    assert contrast(similarity, labelled(batch, label, shape), 0.2).item() == pytest.approx(sum(losses))


def test_contrast_teaches_nothing_from_anomalies_or_from_one_shape_alone(batch: Sample) -> None:
    for label, shape in (([1, 1, 1, 1], [0, 1, 2, 3]), ([0, 0, 0, 0], [4, 4, 4, 4])):
        similarity = torch.rand(4, 4, requires_grad=True)
        loss = contrast(similarity, labelled(batch, label, shape), 0.1)
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-6)
        assert similarity.grad is not None and similarity.grad.abs().max() < 1e-6


def of_patches(anomalous: torch.Tensor) -> Counts:
    none = torch.tensor(0)
    return Counts(none, none, none, none, none, torch.tensor(anomalous.numel()), anomalous.sum())


def test_patch_loss_weighs_the_anomalous_patches_as_much_as_all_others() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    anomalous = torch.tensor([[True, False, False], [False, False, False]])

    def cost(x: float) -> float:  # of a logit of the wrong sign
        return math.log(1 + math.exp(x))

    others = [cost(x) for x in (-1.0, 0.5, 0.0, 3.0, -2.0)]
    counts = of_patches(anomalous)
    assert patch_loss(logits, anomalous, counts).item() == pytest.approx((cost(-2.0) + sum(others) / 5) / 2)
    none = torch.zeros_like(anomalous)
    assert patch_loss(logits, none, of_patches(none)).item() == pytest.approx(sum([cost(2.0), *others]) / 6)
    parts = [patch_loss(logits[i : i + 1], anomalous[i : i + 1], counts).item() for i in (0, 1)]
    assert sum(parts) == pytest.approx((cost(-2.0) + sum(others) / 5) / 2)


def with_maps(batch: Sample) -> tuple[Prediction, Sample]:
    """Four random predictions of 64 x 64 pixels, and the batch with places of its own; its second sample is blind."""
    generator = torch.Generator().manual_seed(3)
    places = (torch.rand(4, 2, 64, 64, generator=generator) < 0.1).to(torch.uint8) * 255
    prediction = Prediction(
        torch.randn(4, generator=generator),
        torch.rand(4, 4, generator=generator),
        maps=torch.randn(4, 3, 64, 64, generator=generator),
        type_logits=torch.randn(4, 11, generator=generator),
    )
    return prediction, batch._replace(places=places, blind=torch.tensor([False, True, False, False]))


def test_losses_of_maps_equal_brute_force(batch: Sample) -> None:
    prediction, batch = with_maps(batch)
    maps, losses = prediction.maps, losses_of(prediction, batch, TINY)
    assert maps is not None
    segmentation: list[float] = []
    places: list[float] = []
    for i in range(4):
        for k, truth in enumerate([batch.inputs.object_mask[i], *batch.places[i]]):
            right = torch.where(truth > 0, maps[i, k], -maps[i, k]).sigmoid()
            weight = torch.where((truth > 0) & torch.tensor(k > 0), 4.0, 1.0)
            cost = float((-right.log() * weight).mean())
            (places if k else segmentation).append(cost if k == 0 or i != 1 else 0.0)
    assert losses.segmentation.item() == pytest.approx(sum(segmentation) / 4, rel=1e-4)
    assert losses.places.item() == pytest.approx(sum(places) / 2 / 3, rel=1e-4)  # of two maps, three samples
    assert [float(value) for value in map_losses(maps, batch)] == pytest.approx(
        [sum(segmentation), sum(places) / 2], rel=1e-4
    )
    assert losses.box_l1 == losses.box_giou == 0  # its box is that of its maps


def test_who_sees_no_reference_learns_what_the_object_is_and_nothing_else(batch: Sample) -> None:
    prediction, batch = with_maps(batch)
    losses = losses_of(prediction, batch, TINY)
    assert prediction.maps is not None and prediction.type_logits is not None
    logit, maps, kinds = prediction.logit.clone(), prediction.maps.clone(), prediction.type_logits.clone()
    logit[1], maps[1, 1:], kinds[1] = 9.0, 9.0, 9.0
    same = losses_of(prediction._replace(logit=logit, maps=maps, type_logits=kinds), batch, TINY)
    torch.testing.assert_close(same, losses)
    maps[1, 0] = 9.0
    assert losses_of(prediction._replace(maps=maps), batch, TINY).segmentation != losses.segmentation


def test_a_type_beyond_the_known_ones_costs_nothing(batch: Sample) -> None:
    prediction, batch = with_maps(batch)
    assert prediction.type_logits is not None
    kinds = torch.tensor([2, 5, -1, 0])
    expected = functional.cross_entropy(prediction.type_logits[[0, 3]], kinds[[0, 3]], reduction="sum") / 3
    torch.testing.assert_close(losses_of(prediction, batch._replace(anomaly_type=kinds), TINY).type, expected)


def test_what_a_model_does_not_predict_costs_nothing(batch: Sample) -> None:
    logit = torch.randn(4, requires_grad=True)
    losses = losses_of(Prediction(logit), batch, TINY)
    expected = sum(
        math.log(1 + math.exp(x if y == 0 else -x)) for x, y in zip(logit.tolist(), batch.label, strict=True)
    )
    assert losses.total.item() == losses.classification.item() == pytest.approx(expected / 4)
    assert {name for name, value in losses._asdict().items() if value != 0} == {"total", "classification"}


@pytest.mark.parametrize(
    ("settings", "query_view", "view_view"),
    [
        ({"alignment_weight": 0.0}, 0, 0),
        ({"alignment_balance": 1.0}, 1, 0),
        ({"alignment_balance": 0.0}, 0, 1),
        ({"alignment_weight": 3.0}, 1.5, 1.5),
    ],
)
def test_settings_of_table_3_switch_the_alignment_terms(
    batch: Sample, settings: dict[str, float], query_view: float, view_view: float
) -> None:
    config = TINY.model_copy(update=settings)
    losses = losses_of(build_model(config)(batch.inputs)._replace(box=None), batch, config)
    assert losses.query_view > 0 and losses.view_view > 0
    expected = losses.classification + query_view * losses.query_view + view_view * losses.view_view
    torch.testing.assert_close(losses.total, expected)


def test_gradients_of_info_nce_are_those_of_finite_differences() -> None:
    similarity = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    anchor_valid = torch.tensor([True, False, True])
    key_valid = torch.tensor([True, True, False, True, True])
    target = torch.tensor([0, 1, 4])
    assert torch.autograd.gradcheck(lambda x: info_nce(x, target, anchor_valid, key_valid, 0.3), (similarity,))


@pytest.mark.parametrize(
    ("a", "b", "expected_iou", "expected_giou"),
    [
        ((0, 0, 1, 1), (0, 0, 1, 1), 1.0, 1.0),
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7, 1 / 7 - 2 / 9),
        ((0, 0, 1, 1), (2, 0, 3, 1), 0.0, -1 / 3),
        ((0, 0, 4, 4), (1, 1, 3, 3), 1 / 4, 1 / 4),
        ((1, 1, 1, 1), (1, 1, 1, 1), 0.0, 0.0),
    ],
)
def test_iou_and_giou_have_known_values(
    a: tuple[float, ...], b: tuple[float, ...], expected_iou: float, expected_giou: float
) -> None:
    first, second = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    assert iou(first, second).item() == pytest.approx(expected_iou)
    assert generalised_iou(first, second).item() == pytest.approx(expected_giou)


@settings(deadline=None)
@given(st.lists(coordinate, min_size=8, max_size=8))
def test_giou_is_symmetric_bounded_and_at_most_iou(values: list[float]) -> None:
    a, b = corners(torch.tensor(values, dtype=torch.float64).view(2, 4))
    value = generalised_iou(a, b)
    assert value == generalised_iou(b, a)
    assert -1 - 1e-9 <= value <= iou(a, b) + 1e-9 <= 1 + 2e-9


def test_box_losses_ignore_normal_samples() -> None:
    box = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.1, 0.9, 0.3, 0.1]], requires_grad=True)
    target = torch.tensor([[0.5, 0.5, 0.4, 0.2], [0.0, 0.0, 0.0, 0.0]])
    l1, giou = box_losses(box, target, torch.tensor([1.0, 0.0]))
    assert l1.item() == pytest.approx(0.2) and giou.item() == pytest.approx(0.5)
    (l1 + giou).backward()
    assert box.grad is not None and (box.grad[1] == 0).all() and (box.grad[0] != 0).any()


def test_box_losses_of_normal_samples_alone_are_zero() -> None:
    box = torch.rand(2, 4)
    assert [value.item() for value in box_losses(box, torch.zeros(2, 4), torch.zeros(2))] == [0, 0]


def test_total_is_the_weighted_sum_of_equation_15_and_the_box_losses(batch: Sample) -> None:
    config = TINY.model_copy(update={"alignment_balance": 0.25})
    prediction = build_model(config)(batch.inputs)
    losses = losses_of(prediction, batch, config)
    expected = losses.classification + 0.25 * losses.query_view + 0.75 * losses.view_view
    torch.testing.assert_close(losses.total, expected + 5 * losses.box_l1 + 2 * losses.box_giou)
    without_box = losses_of(prediction._replace(box=None), batch, config)
    torch.testing.assert_close(without_box.total, expected)


def test_every_parameter_of_the_model_receives_a_gradient(batch: Sample) -> None:
    model = build_model(TINY)
    losses_of(model(batch.inputs), batch, TINY).total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []

"""Shape retrieval in a learnt embedding."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from pipeline.training.models.contrastive import VIEW_TEMPERATURE, Contrastive
from tests.training.models.stub import StubEncoder
from tests.training.models.zoo import random_inputs, tiny_model


def embedding(query: Tensor, views: Tensor) -> Contrastive:
    """A model whose embeddings are these (q, c) and (q, n, c), before they are made unit vectors."""
    model = tiny_model("contrastive").double()
    assert isinstance(model, Contrastive)
    features = torch.cat([query, views.flatten(0, 1)])[..., None, None].expand(-1, -1, 2, 2)
    model.add_module("encoder", StubEncoder(features))
    model.add_module("project", nn.Identity())
    return model


def similarity_of(query: Tensor, views: Tensor) -> Tensor:
    similarity = embedding(query, views)(random_inputs(*views.shape[:2])).shape_similarity
    assert similarity is not None
    return similarity


def random_embeddings(shapes: int = 3, views: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(shapes, 1 + views, 5, generator=generator, dtype=torch.float64)
    return drawn[:, 0], drawn[:, 1:]


def test_similarity_equals_attention_over_the_views_by_hand() -> None:
    query, views = random_embeddings()
    unit_query, unit_views = query / query.norm(dim=-1, keepdim=True), views / views.norm(dim=-1, keepdim=True)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    for q in range(3):
        for s in range(3):
            weights = [math.exp((unit_query[q] @ view).item() / VIEW_TEMPERATURE) for view in unit_views[s]]
            shape = sum(w / sum(weights) * view for w, view in zip(weights, unit_views[s], strict=True))
            assert isinstance(shape, Tensor)
            expected[q, s] = unit_query[q] @ shape / shape.norm()
    torch.testing.assert_close(similarity_of(query, views), expected)


def test_a_query_beside_one_of_two_orthogonal_views_has_the_similarity_that_temperature_gives() -> None:
    query, views = torch.tensor([[3.0, 0.0]]).double(), torch.tensor([[[2.0, 0.0], [0.0, 5.0]]]).double()
    ratio = math.exp(-1 / VIEW_TEMPERATURE)  # of the other view's weight to the own one's
    assert similarity_of(query, views).item() == pytest.approx(1 / math.hypot(1, ratio), abs=1e-12)


def test_a_shape_whose_views_are_all_the_query_is_as_alike_as_can_be() -> None:
    query, _ = random_embeddings()
    assert similarity_of(query, query[:, None].expand(-1, 4, -1)).diagonal().tolist() == pytest.approx([1, 1, 1])


def test_the_logit_is_scale_and_offset_of_the_likeness_to_the_own_shape() -> None:
    query, views = random_embeddings()
    model = embedding(query, views)
    prediction = model(random_inputs(3, 4))
    own = similarity_of(query, views).diagonal()
    torch.testing.assert_close(prediction.logit, 2.5 - 5 * own)  # to begin with: the less alike, the more anomalous
    with torch.no_grad():
        model.calibrate.weight.fill_(-2.0)
        model.calibrate.bias.fill_(0.25)
    torch.testing.assert_close(model(random_inputs(3, 4)).logit, 0.25 - 2 * own)


def test_gradients_through_the_attention_are_those_of_finite_differences() -> None:
    query, views = (x.requires_grad_() for x in random_embeddings())
    assert torch.autograd.gradcheck(similarity_of, (query, views))

"""Baselines that see the query alone, and the heads that they share with CMT."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from pipeline.errors import PipelineError
from pipeline.training.config import QueryOnlyConfig, ViTConfig
from pipeline.training.models.attention import SelfAttention
from pipeline.training.models.encoder import normalised
from pipeline.training.models.layers import BoxHead, ClassificationHead
from pipeline.training.models.query_only import QueryOnly, ViT, grid_positions
from tests.training.models.stub import StubEncoder
from tests.training.models.zoo import predict_exactly, random_inputs, tiny_model

DIM, HEADS = 8, 2


def stubbed(blocks: int, features: torch.Tensor) -> QueryOnly:
    torch.manual_seed(0)
    model = QueryOnly(QueryOnlyConfig(dim=DIM, heads=HEADS, feed_forward=16, encoder_width=8, blocks=blocks)).double()
    model.add_module("encoder", StubEncoder(features))
    return model.eval()


def patch_features() -> torch.Tensor:
    return torch.randn(2, DIM, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_without_blocks_the_heads_read_the_mean_over_patches() -> None:
    features = patch_features()
    model = stubbed(0, features)
    prediction = model(random_inputs(2))
    mean = features.sum(dim=(2, 3)) / 16
    weight, bias = model.classify.image.weight[0], model.classify.image.bias[0]
    torch.testing.assert_close(prediction.logit, (mean * weight).sum(-1) + bias)
    assert model.locate is not None and prediction.box is not None
    torch.testing.assert_close(prediction.box, model.locate(mean))


def test_a_block_is_cmts_self_attention_and_feed_forward_normalised_after_each_residual() -> None:
    """Eqs. 3, 7 and 9 with nothing between them."""
    features = patch_features()
    model = stubbed(1, features)
    (block,) = model.blocks
    assert isinstance(block, nn.TransformerEncoderLayer)
    attention = SelfAttention(DIM, HEADS, DIM).double()
    attention.load_state_dict(
        {
            "qkv.weight": block.self_attn.in_proj_weight,
            "qkv.bias": block.self_attn.in_proj_bias,
            "out.weight": block.self_attn.out_proj.weight,
            "out.bias": block.self_attn.out_proj.bias,
        }
    )
    assert model.tok is not None
    tokens = torch.cat([model.tok.expand(2, 1, -1), features.flatten(2).mT], dim=1)
    tokens = functional.layer_norm(tokens + attention(tokens), (DIM,))
    hidden = (tokens @ block.linear1.weight.T + block.linear1.bias).relu()
    tokens = functional.layer_norm(tokens + hidden @ block.linear2.weight.T + block.linear2.bias, (DIM,))
    torch.testing.assert_close(model(random_inputs(2)).logit, model.classify.image(tokens[:, 0])[:, 0])


@pytest.mark.parametrize("blocks", [0, 2])
def test_where_a_patch_lies_tells_the_heads_nothing_that_its_features_do_not(blocks: int) -> None:
    features = patch_features()
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    moved = features.flatten(2)[..., order].view_as(features)
    a, b = (stubbed(blocks, x)(random_inputs(2)).logit for x in (features, moved))
    torch.testing.assert_close(a, b)


def test_vit_of_the_defaults_has_the_weights_of_vit_s_16() -> None:
    model = ViT(ViTConfig())
    trunk = sum(p.numel() for part in (model.embed, model.blocks, model.norm) for p in part.parameters())
    # timm's vit_small_patch16_224 without its head has 21,665,664, of which 197 positions are learnt
    assert trunk + model.tok.numel() == 21_665_664 - 197 * 384


def test_vit_knows_where_a_patch_lies() -> None:
    model, inputs = tiny_model("vit"), random_inputs(1)
    swapped = inputs.image.clone()
    swapped[..., :16, :16], swapped[..., 32:48, 16:32] = inputs.image[..., 32:48, 16:32], inputs.image[..., :16, :16]
    before, after = (predict_exactly(model, inputs._replace(image=image)).logit for image in (inputs.image, swapped))
    assert (before - after).abs() > 1e-6


def test_vit_patches_are_embedded_row_by_row_in_the_order_of_their_positions() -> None:
    """Without blocks to mix them, each token is its own patch's projection and position."""
    model, inputs = tiny_model("vit"), random_inputs(1, size=64)
    assert isinstance(model, ViT)
    seen: list[torch.Tensor] = []
    model.blocks.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    model(inputs)
    (tokens,) = seen
    row, column = 2, 3
    patch = normalised(inputs.image)[0, :, row * 16 : (row + 1) * 16, column * 16 : (column + 1) * 16]
    weight, bias = model.embed.parameters()
    expected = (weight * patch).sum(dim=(1, 2, 3)) + bias + grid_positions(4, 4, DIM)[4 * 2 + 3]
    torch.testing.assert_close(tokens[0, 1 + 4 * row + column], expected)
    torch.testing.assert_close(tokens[0, 0], model.tok)


def test_vit_names_a_patch_that_does_not_divide_the_image() -> None:
    with pytest.raises(PipelineError, match=r"model\.patch = 16 does not divide images of 40x40 pixels"):
        tiny_model("vit")(random_inputs(1, size=40))


def test_grid_positions_have_known_values() -> None:
    positions = grid_positions(2, 3, 8)  # frequencies 1 and 1/100
    row, column = 1, 2
    phases = [row, row / 100, column, column / 100]
    expected = [math.sin(x) for x in phases] + [math.cos(x) for x in phases]
    assert positions[3 * row + column].tolist() == pytest.approx(expected)
    assert positions[0].tolist() == [0] * 4 + [1] * 4
    assert len({tuple(p) for p in positions.tolist()}) == 6


def test_logit_adds_the_mean_of_the_four_highest_patches() -> None:
    head = ClassificationHead(1, patch_head=True)
    assert head.patches is not None
    with torch.no_grad():
        head.image.weight.fill_(2.0)
        head.image.bias.fill_(0.5)
        head.patches.weight.fill_(1.0)
        head.patches.bias.fill_(0.0)
    patches = torch.tensor([[5.0, -1.0, 3.0, 2.0, 6.0, -9.0], [0.0, 0.0, 0.0, 0.0, 0.0, 8.0]])[..., None]
    logit, patch_logits = head(torch.tensor([[1.0], [3.0]]), patches)
    assert logit.tolist() == [2.5 + 4.0, 6.5 + 2.0]
    assert patch_logits is not None and torch.equal(patch_logits, patches[..., 0])
    fewer, _ = head(torch.tensor([[1.0]]), patches[:1, :2])
    assert fewer.item() == 2.5 + 2.0


def test_logit_without_a_patch_head_reads_the_token_alone() -> None:
    head = ClassificationHead(DIM, patch_head=False)
    tok = torch.randn(2, DIM)
    logits = [head(tok, torch.randn(2, 5, DIM)) for _ in range(2)]
    assert torch.equal(logits[0][0], logits[1][0]) and logits[0][1] is None


def test_box_head_has_four_layers_and_gives_shares_of_the_image() -> None:
    head = BoxHead(DIM)
    assert [tuple(p.shape) for p in head.parameters() if p.dim() == 2] == [(DIM, DIM)] * 3 + [(4, DIM)]
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
        list(head.parameters())[-1].copy_(torch.tensor([0.0, math.log(3), -math.log(3), 100.0]))
    assert head(torch.randn(1, DIM))[0].tolist() == pytest.approx([0.5, 0.75, 0.25, 1.0])


def test_gradients_of_the_heads_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    classify, locate = ClassificationHead(DIM, patch_head=True).double(), BoxHead(DIM).double()
    tok = torch.randn(2, DIM, dtype=torch.float64, requires_grad=True)
    patches = torch.randn(2, 6, DIM, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(classify, (tok, patches)) and torch.autograd.gradcheck(locate, (tok,))

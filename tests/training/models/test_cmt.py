"""The model's pieces and its whole."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm

from pipeline.errors import PipelineError
from pipeline.settings.loading import load
from pipeline.training.config import CMTConfig, TrainingConfig
from pipeline.training.losses import descriptors_at
from pipeline.training.models import encoder
from pipeline.training.models.attention import select_keys
from pipeline.training.models.build import build_model
from pipeline.training.models.cga import CGABlock
from pipeline.training.models.cmt import CMT
from pipeline.training.models.encoder import STRIDE, ResNet18, ResNet18FPN, load_backbone, normalised
from pipeline.training.models.interface import Inputs
from pipeline.training.models.position import PositionEncoding, fourier_features
from tests.training.models.zoo import exactly, inputs_of, predict_exactly, random_inputs, similarity_of, tiny_model
from tests.training.synthetic import TINY, TINY_CMT

#: What a block's one query is compared with.
ONE_VIEW = torch.tensor([[0]])


def with_mask(query: torch.Tensor, views: torch.Tensor, xyz: torch.Tensor, valid: torch.Tensor) -> Inputs:
    return inputs_of(query, torch.full_like(query[:, 0], 255), views, xyz, valid)


def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.named_parameters()}


def noisy_inputs(views: int = 2, size: int = 64, noise: float | None = None) -> Inputs:
    """Fixed random input; ``noise`` replaces positions of background."""
    generator = torch.Generator().manual_seed(0)
    h = size // 8
    query = torch.randint(256, (2, 3, size, size), generator=generator, dtype=torch.uint8)
    gray = torch.randint(256, (2, views, size, size), generator=generator, dtype=torch.uint8)
    xyz = torch.rand(2, views, h, h, 3, generator=generator)
    valid = torch.rand(2, views, h, h, generator=generator) < 0.5
    if noise is not None:
        xyz = xyz.masked_fill(~valid[..., None], noise)
    return with_mask(query, gray, xyz, valid)


def test_fourier_features_have_known_values() -> None:
    features = fourier_features(torch.tensor([[0.5, 0.25, 0.0]]), 2)[0]
    raw, sin, cos = features[:3], features[3:9], features[9:]
    half = math.sqrt(0.5)
    torch.testing.assert_close(raw, torch.tensor([0.5, 0.25, 0.0]))
    torch.testing.assert_close(sin, torch.tensor([1.0, half, 0.0, 0.0, 1.0, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(cos, torch.tensor([0.0, half, 1.0, -1.0, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_ten_octaves_and_the_raw_coordinate_make_63_features_up_to_512_pi() -> None:
    x = 1 / 1024
    features = fourier_features(torch.tensor([x, 0.0, 0.0], dtype=torch.float64), 10)
    assert features.shape == (63,)
    assert features[3 + 27].item() == pytest.approx(math.sin(2**9 * math.pi * x)) == pytest.approx(1.0)


def test_background_patches_carry_no_position() -> None:
    encode = PositionEncoding(2, 6)
    valid = torch.tensor([True, False])
    encoded = encode(torch.tensor([[0.1, 0.2, 0.3], [-1.0, -1.0, -1.0]]), valid)
    assert encoded[0].abs().sum() > 0 and (encoded[1] == 0).all()


def test_paper_encoder_maps_256_pixels_to_128_channels_of_32_patches() -> None:
    fpn = ResNet18FPN(width=64, dim=128).eval()
    with torch.no_grad():
        assert fpn(torch.zeros(1, 3, 256, 256, dtype=torch.uint8)).shape == (1, 128, 32, 32)
    # torchvision's resnet18 has 11,689,512 parameters, 513,000 of them in fc
    assert sum(p.numel() for p in fpn.backbone.parameters()) == 11_689_512 - 513_000


def test_paper_preset_is_the_default_and_has_the_papers_dimensions() -> None:
    config = load(TrainingConfig, "training/cmt")
    assert config == TrainingConfig()
    assert isinstance(config.model, CMTConfig)
    model = CMT(config.model)
    found = shapes(model)
    assert [found[f"projector.{i}.weight"][0] for i in (0, 2, 4, 6)] == [1024, 1024, 1024, 256]
    assert found["position.project.0.weight"] == (128, 63)
    assert [found[name] for name in found if name.endswith("fuse.weight")] == [(128, 256)] * 3


def test_small_preset_loads() -> None:
    model = load(TrainingConfig, "training/cpu-small").model
    assert isinstance(model, CMTConfig) and model.dim < 128


@pytest.mark.parametrize(("views", "size", "k"), [(2, 64, 6), (3, 96, 1), (5, 32, 1000)])
def test_any_number_of_views_any_size_any_k(views: int, size: int, k: int) -> None:
    model = CMT(TINY_CMT.model_copy(update={"top_k": k}))
    inputs = noisy_inputs(views, size)
    prediction = model(inputs)
    patches = (size // 8) ** 2
    assert prediction.logit.shape == (2,)
    assert similarity_of(prediction, inputs).shape == (2, patches, views * patches)
    assert prediction.box is not None and prediction.box.shape == (2, 4)
    assert ((prediction.box > 0) & (prediction.box < 1)).all()


def test_positions_stored_for_background_patches_do_not_matter() -> None:
    model = build_model(TINY).eval()
    a, b = (model(noisy_inputs(noise=noise)).logit for noise in (None, 1e3))
    torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_prediction_depends_on_the_views_and_on_where_their_patches_lie() -> None:
    model = build_model(TINY).eval()
    generator = torch.Generator().manual_seed(0)
    query = torch.randint(256, (1, 3, 64, 64), generator=generator, dtype=torch.uint8)
    views = torch.randint(256, (1, 2, 64, 64), generator=generator, dtype=torch.uint8)
    xyz, valid = torch.rand(1, 2, 8, 8, 3, generator=generator), torch.ones(1, 2, 8, 8, dtype=torch.bool)
    logit = model(with_mask(query, views, xyz, valid)).logit
    assert model(with_mask(query, 255 - views, xyz, valid)).logit != logit
    assert model(with_mask(query, views, 1 - xyz, valid)).logit != logit


def test_order_of_the_views_does_not_matter() -> None:
    model = build_model(TINY).double().eval()
    generator = torch.Generator().manual_seed(0)
    query = torch.randint(256, (1, 3, 64, 64), generator=generator, dtype=torch.uint8)
    views = torch.randint(256, (1, 3, 64, 64), generator=generator, dtype=torch.uint8)
    xyz = torch.rand(1, 3, 8, 8, 3, generator=generator, dtype=torch.float64)
    valid = torch.rand(1, 3, 8, 8, generator=generator) < 0.5
    order = [2, 0, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "normalised", lambda images: normalised(images).double())
        a = model(with_mask(query, views, xyz, valid)).logit
        b = model(with_mask(query, views[:, order], xyz[:, order], valid[:, order])).logit
    torch.testing.assert_close(a, b)


def test_without_3dpe_where_patches_lie_does_not_matter() -> None:
    torch.manual_seed(0)
    model, inputs = CMT(TINY_CMT.model_copy(update={"position": False})).eval(), random_inputs()
    assert model.position is None
    assert {shape[1] for name, shape in shapes(model).items() if name.endswith("fuse.weight")} == {TINY_CMT.dim}
    elsewhere = inputs._replace(views=inputs.views._replace(patch_xyz=1 - inputs.views.patch_xyz))
    torch.testing.assert_close(model(inputs).logit, model(elsewhere).logit, rtol=0, atol=0)


def test_without_cga_every_token_attends_as_with_k_of_all_keys() -> None:
    torch.manual_seed(0)
    unguided, guided = (
        CMT(TINY_CMT.model_copy(update=changes)) for changes in ({"guided": False}, {"top_k": 4 * 8 * 8})
    )
    guided.load_state_dict(unguided.state_dict())
    few = CMT(TINY_CMT)
    few.load_state_dict(unguided.state_dict())
    logits = [predict_exactly(model.eval(), random_inputs()).logit for model in (unguided, guided, few)]
    torch.testing.assert_close(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])


def test_near_the_object_are_the_patches_that_touch_it() -> None:
    views = random_inputs(size=128).views
    for valid, near in zip(views.patch_valid, views.near, strict=True):
        touching = {
            (row + down) * 16 + column + across
            for row, column in valid.nonzero().tolist()
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
            if 0 <= row + down < 16 and 0 <= column + across < 16
        }
        assert touching <= set(near.tolist())
        assert len(set(near.tolist())) == len(near) < 256


def test_what_is_not_near_the_object_is_not_missed() -> None:
    inputs = random_inputs(size=128)
    everywhere = torch.arange(256).expand(len(inputs.views.image), -1)
    generator, found = torch.Generator().manual_seed(0), []
    corners = [
        torch.nonzero(valid)[:6].flip(-1) * STRIDE for valid in inputs.views.patch_valid[inputs.chosen.flatten()]
    ]
    pixels = torch.stack(corners) + STRIDE * torch.rand(len(corners), 6, 2, generator=generator)
    for near in (inputs.views.near, everywhere):
        model = tiny_model("cmt").train()
        with exactly(model, inputs) as given:
            prediction = model(given._replace(views=given.views._replace(near=near)))
            assert prediction.view_descriptors is not None and prediction.box is not None
            points = descriptors_at(
                prediction.view_descriptors, (128, 128), inputs.chosen, pixels.unflatten(0, inputs.chosen.shape)
            )
            (prediction.logit.sum() + prediction.box.sum() + points.square().cumsum(-1).sum()).backward()
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        found.append((prediction.logit, prediction.box, points, gradients))
    torch.testing.assert_close(*found)


def test_tok_alone_sees_all_keys_where_it_is_to() -> None:
    """After the one block [tok] is what it is without CGA, and every patch what it is with it."""
    tokens = []
    for changes in ({"tok_sees_all": True}, {"guided": False}, {}):
        torch.manual_seed(0)
        model = CMT(TINY_CMT.model_copy(update=changes)).eval()
        model.blocks[0].register_forward_hook(lambda *call: tokens.append(call[-1]))
        predict_exactly(model, random_inputs())
    ours, unguided, guided = tokens
    torch.testing.assert_close(ours[:, 0], unguided[:, 0])
    torch.testing.assert_close(ours[:, 1:], guided[:, 1:])
    assert not torch.allclose(unguided[:, 0], guided[:, 0]) and not torch.allclose(unguided[:, 1:], guided[:, 1:])


@pytest.mark.parametrize("guided", [True, False])
def test_the_projector_decides_what_is_attended_to_with_cga_alone(guided: bool) -> None:
    torch.manual_seed(0)
    model = CMT(TINY_CMT.model_copy(update={"guided": guided})).eval()
    before = predict_exactly(model, random_inputs()).logit
    with torch.no_grad():
        model.get_parameter("projector.6.weight").copy_(torch.randn(TINY_CMT.projector_dim, TINY_CMT.projector_hidden))
    assert torch.equal(before, predict_exactly(model, random_inputs()).logit) == (not guided)


def test_gathered_and_dense_attention_make_the_same_model_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    gathered, dense = (CMT(TINY_CMT.model_copy(update={"attention": name})) for name in ("gathered", "dense"))
    dense.load_state_dict(gathered.state_dict())
    inputs = random_inputs()
    gradients = []
    for model in (gathered, dense):
        prediction = model.eval()(inputs)
        assert prediction.box is not None
        (prediction.logit.sum() + prediction.box.sum()).backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    torch.testing.assert_close(gathered(inputs).logit, dense(inputs).logit)
    assert any(name.endswith("cross_attention.key.weight") for name in gradients[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("position", [True, False])
@pytest.mark.parametrize("guided", [True, False])
def test_gradients_of_a_block_are_those_of_finite_differences(guided: bool, position: bool) -> None:
    config = CMTConfig(dim=4, heads=2, feed_forward=6, guided=guided, position=position)
    torch.manual_seed(0)
    block = CGABlock(config).double()
    tokens, views, where = (torch.randn(1, n, 4, dtype=torch.float64, requires_grad=True) for n in (3, 7, 7))
    valid = torch.tensor([[True, True, False, True, True, False, True]])
    selection = select_keys(torch.randn(1, 2, 5), torch.randn(1, 7, 5), valid, ONE_VIEW, 3) if guided else None

    def run(tokens: torch.Tensor, views: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        return block(tokens, views, where if position else None, valid, ONE_VIEW, selection)

    assert torch.autograd.gradcheck(run, (tokens, views, where))


def test_a_block_is_the_papers_equations_in_their_order() -> None:
    torch.manual_seed(0)
    block = CGABlock(CMTConfig(dim=4, heads=2, feed_forward=6)).double()
    tokens, views, where = (torch.randn(1, n, 4, dtype=torch.float64) for n in (3, 7, 7))
    valid = torch.ones(1, 7, dtype=torch.bool)
    with torch.no_grad():
        for module in (block.self_attention, block.cross_attention):  # each adds a known constant
            module.out.weight.zero_()
        block.self_attention.out.bias.copy_(torch.tensor([1.0, 0.0, -1.0, 0.0]))
        block.cross_attention.out.bias.copy_(torch.tensor([0.0, 2.0, 0.0, -2.0]))
    x = layer_norm(tokens + torch.tensor([1.0, 0.0, -1.0, 0.0]), (4,))  # Eq. 7
    x = layer_norm(x + torch.tensor([0.0, 2.0, 0.0, -2.0]), (4,))  # Eq. 8
    first, first_bias, last, last_bias = block.feed_forward.parameters()
    x = layer_norm(x + (x @ first.T + first_bias).relu() @ last.T + last_bias, (4,))  # Eq. 9
    torch.testing.assert_close(block(tokens, views, where, valid, ONE_VIEW, None), x)


def test_keys_of_a_block_are_views_and_positions_side_by_side_through_one_layer() -> None:
    """Eq. 2: what the cross-attention is given."""
    torch.manual_seed(0)
    block = CGABlock(CMTConfig(dim=4, heads=2, feed_forward=6)).double()
    tokens, views, where = (torch.randn(1, n, 4, dtype=torch.float64) for n in (3, 7, 7))
    seen: list[torch.Tensor] = []
    block.cross_attention.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[1]))
    block(tokens, views, where, torch.ones(1, 7, dtype=torch.bool), ONE_VIEW, None)
    weight = block.fuse.weight
    torch.testing.assert_close(seen[0], views @ weight[:, :4].T + where @ weight[:, 4:].T + block.fuse.bias)


def test_gradients_of_3dpe_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    encode = PositionEncoding(2, 3).double()
    xyz = torch.rand(4, 3, dtype=torch.float64, requires_grad=True)
    valid = torch.tensor([True, False, True, True])
    assert torch.autograd.gradcheck(lambda xyz: encode(xyz, valid), (xyz,))


def test_similarity_is_the_product_of_normalised_descriptors_of_every_pair_of_patches() -> None:
    """Eq. 12."""
    torch.manual_seed(0)
    model = CMT(TINY_CMT).eval()
    inputs = random_inputs(2, 3)
    prediction = model(inputs)
    gray = inputs.views.image[inputs.chosen[1, 2]][None, None].expand(-1, 3, -1, -1)
    query, view = (model.projector(model.encoder(x)[0].flatten(1).T) for x in (inputs.image[1:], gray))
    expected = (query @ view.T) / (query.norm(dim=-1)[:, None] * view.norm(dim=-1))
    similarity = similarity_of(prediction, inputs)[1].unflatten(-1, (3, 64))
    torch.testing.assert_close(similarity[:, 2], expected, atol=1e-5, rtol=1e-4)


def test_model_without_box_head_predicts_no_box() -> None:
    assert CMT(TINY_CMT.model_copy(update={"box_head": False}))(random_inputs()).box is None


def test_weights_depend_on_the_seed_alone_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build_model(TINY).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert all(torch.equal(first[name], value) for name, value in build_model(TINY).state_dict().items())
    other = build_model(TINY.model_copy(update={"seed": 1})).state_dict()
    assert not torch.equal(first["tok"], other["tok"])


def test_backbone_loads_a_state_dict_with_torchvision_names(tmp_path: Path) -> None:
    source = ResNet18(8)
    names = set(source.state_dict())
    expected = {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer1.1.bn2.bias"}
    assert expected | {"layer2.0.downsample.0.weight", "layer4.0.downsample.1.running_var"} <= names
    assert "layer1.0.downsample.0.weight" not in names
    torch.save({**source.state_dict(), "fc.weight": torch.zeros(3, 3)}, tmp_path / "resnet18.pth")
    model = build_model(TINY.model_copy(update={"encoder_weights": str(tmp_path / "resnet18.pth")}))
    loaded = model.get_submodule("encoder.backbone").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())


@pytest.mark.parametrize("content", ["missing", "text", "other width", "tensor"])
def test_unsuitable_encoder_weights_give_one_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "weights.pth"
    if content == "text":
        path.write_text("hello")
    elif content == "other width":
        torch.save(ResNet18(16).state_dict(), path)
    elif content == "tensor":
        torch.save(torch.zeros(3), path)
    with pytest.raises(PipelineError, match=r"encoder_weights .*weights\.pth"):
        load_backbone(ResNet18(8), path)


def test_heads_must_divide_dim_and_inner() -> None:
    with pytest.raises(ValueError, match="heads must divide dim, got dim 10 and heads 4"):
        CMTConfig(dim=10, heads=4)
    with pytest.raises(ValueError, match="heads must divide inner, got inner 10 and heads 4"):
        CMTConfig(dim=16, heads=4, inner=10)
    assert CMTConfig(dim=16, heads=4, inner=12).inner == 12


def test_inner_is_the_width_of_the_attentions_alone() -> None:
    plain, wide = (shapes(CMT(TINY_CMT.model_copy(update={"inner": inner}))) for inner in (None, 24))
    changed = {name: shape for name, shape in wide.items() if plain[name] != shape}
    own, cross = ("blocks.0.self_attention", "blocks.0.cross_attention")
    assert changed == {
        f"{own}.qkv.weight": (72, 16),
        f"{own}.qkv.bias": (72,),
        f"{own}.out.weight": (16, 24),
        f"{cross}.out.weight": (16, 24),
        **{f"{cross}.{name}.weight": (24, 16) for name in ("query", "key", "value")},
        **{f"{cross}.{name}.bias": (24,) for name in ("query", "key", "value")},
    }
    assert plain.keys() == wide.keys() and plain[f"{own}.qkv.weight"] == (48, 16)

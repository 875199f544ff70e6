"""What holds for every model, and for every variant in configs/training/variants."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from pipeline.errors import PipelineError
from pipeline.settings.loading import PRESETS
from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.config import TrainingConfig, load_training
from pipeline.training.data import ShardDataset, load_batches
from pipeline.training.index import index_split
from pipeline.training.losses import count, training_losses
from pipeline.training.models.build import build_model
from pipeline.training.models.encoder import ResNet18
from pipeline.training.models.interface import Inputs, Prediction, Views
from pipeline.training.precision import forward
from pipeline.training.train import train
from tests.training.models.zoo import (
    MODELS,
    exactly,
    predict_exactly,
    random_inputs,
    repeated,
    similarity_of,
    tiny_model,
)
from tests.training.synthetic import TINY

VARIANTS = sorted(path.stem for path in (PRESETS / "training" / "variants").glob("*.yaml"))
SEES_VIEWS = {"cmt", "cmt, all keys", "published", "contrastive", "light-field"}
#: In these no loss trains the projector: it only ranks keys, if anything.
NO_ALIGNMENT = {"a", "b", "no-alignment"}
#: Parts of the published network that are in the authors' file, and not used to predict.
ONLY_IN_THE_FILE = (
    *(f"encoder.{part}." for part in ("conv1x1_mask", "fpn.inner_blocks.0", "fpn.layer_blocks.0")),
    *(
        f"attention_decoder.{part}."
        for part in ("crossatten.norm", "q_pos_emb", "kv_spatial_pos_emb", "pose_to_3d_emb")
    ),
)


@pytest.fixture(scope="module")
def tiny_preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("preset") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY.model_dump(mode="json")))
    return str(path)


@pytest.mark.parametrize("name", MODELS)
def test_prediction_of_a_query_does_not_depend_on_the_rest_of_its_batch(name: str) -> None:
    model, inputs = tiny_model(name), random_inputs()
    together = predict_exactly(model, inputs)
    for row in range(3):
        image, mask, views, chosen = (
            inputs.image[[row]],
            inputs.object_mask[[row]],
            inputs.views,
            inputs.chosen[[row]],
        )
        alone = predict_exactly(model, repeated(Inputs(image, mask, views, chosen)))
        torch.testing.assert_close(alone.logit, together.logit[row : row + 1])
        if together.box is not None:
            torch.testing.assert_close(alone.box, together.box[row : row + 1])
    assert together.logit.unique().numel() == 3


@pytest.mark.parametrize("name", MODELS)
def test_order_of_the_views_does_not_matter(name: str) -> None:
    model, inputs, order = tiny_model(name), random_inputs(), [2, 0, 3, 1]
    shuffled = inputs._replace(chosen=inputs.chosen[:, order])
    torch.testing.assert_close(predict_exactly(model, shuffled).logit, predict_exactly(model, inputs).logit)


def sharing(inputs: Inputs) -> Inputs:
    """Each query compared with three of the same four views, in an order of its own, the last query as the first."""
    return inputs._replace(
        views=Views(*(x[[7, 2, 9, 4]] for x in inputs.views)), chosen=torch.tensor([[3, 0, 1], [1, 2, 3], [3, 0, 1]])
    )


def white(views: Views) -> Views:
    """Without what their images show, which has been looked at."""
    return views._replace(image=torch.full_like(views.image, 255))


def assert_same(one: Prediction, other: Prediction) -> None:
    """All but the descriptors of views, which may be as many as the views repeated."""
    alike = (prediction._replace(view_descriptors=None)._asdict() for prediction in (one, other))
    torch.testing.assert_close(*alike)


@pytest.mark.parametrize("name", MODELS)
def test_queries_that_share_views_are_judged_as_if_each_had_its_own(name: str) -> None:
    model, shared = tiny_model(name), sharing(random_inputs())
    own = repeated(shared)
    assert len(shared.views.image) == 4 and len(own.views.image) == 9
    once, each = (predict_exactly(model, inputs) for inputs in (shared, own))
    assert_same(once, each)
    if once.view_descriptors is not None:
        assert len(once.view_descriptors) == 4
        torch.testing.assert_close(similarity_of(once, shared), similarity_of(each, own))


@pytest.mark.parametrize("name", ["cmt", "cmt, all keys"])
def test_views_that_are_shared_learn_from_every_query_that_has_them(name: str) -> None:
    gradients = []
    for inputs in (shared := sharing(random_inputs()), repeated(shared)):
        model = tiny_model(name)
        with exactly(model, inputs) as given:
            prediction = model(given)
            assert prediction.box is not None
            (prediction.logit.sum() + prediction.box.sum() + similarity_of(prediction, given).square().sum()).backward()
        gradients.append({key: parameter.grad for key, parameter in model.named_parameters()})
    assert all(gradient is not None and gradient.any() for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("name", MODELS)
def test_views_looked_at_beforehand_are_those_of_the_whole(name: str) -> None:
    model = tiny_model(name)
    with torch.no_grad(), exactly(model, sharing(random_inputs())) as inputs:
        seen = model.look(inputs.views)
        assert bool(seen) == (name in SEES_VIEWS)
        whole, again = model(inputs), model(inputs._replace(views=white(inputs.views)), seen)
    assert_same(whole, again)
    torch.testing.assert_close(whole.view_descriptors, again.view_descriptors)


@pytest.mark.parametrize("name", MODELS)
def test_only_models_that_are_given_the_shape_depend_on_it(name: str) -> None:
    model, inputs, others = tiny_model(name), random_inputs(), random_inputs(seed=1)
    exchanged = inputs._replace(views=others.views)
    same = predict_exactly(model, inputs).logit == predict_exactly(model, exchanged).logit
    assert same.any().item() == same.all().item() == (name not in SEES_VIEWS)


@pytest.mark.parametrize(("views", "size"), [(2, 32), (5, 96)])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_any_number_of_views_and_any_size(name: str, views: int, size: int) -> None:
    prediction = tiny_model(name)(random_inputs(2, views, size))
    assert prediction.logit.shape == (2,) and prediction.logit.isfinite().all()
    if prediction.box is not None:
        assert prediction.box.shape == (2, 4) and ((prediction.box > 0) & (prediction.box <= 1)).all()


@pytest.mark.parametrize("name", MODELS)
def test_bf16_stays_close_and_comes_back_as_float32(name: str) -> None:
    model, inputs = tiny_model(name), random_inputs()
    exact, half = (forward(model, inputs, dtype) for dtype in (torch.float32, torch.bfloat16))
    assert half.logit.dtype == torch.float32
    torch.testing.assert_close(half.logit, exact.logit, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"light-field"}))  # whose distances are all 0 on squares
def test_every_parameter_of_a_variant_receives_a_gradient(name: str, dataset: Path, tiny_preset: str) -> None:
    config = load_training(tiny_preset, name)
    samples = ShardDataset(index_split(dataset, "train"), config, augmented=True)
    batch = next(load_batches(samples, [[(0, i, i) for i in range(8)]], 0, torch.device("cpu"))).samples
    assert batch is not None
    model = build_model(config)
    training_losses(model(batch.inputs), batch, config, count(batch, config)).total.backward()
    gradients = {key: parameter.grad for key, parameter in model.named_parameters()}
    unused = {key for key in gradients if name == "published" and key.startswith(ONLY_IN_THE_FILE)}
    assert {key for key, gradient in gradients.items() if gradient is None} == unused
    still = {key for key, gradient in gradients.items() if gradient is not None and not gradient.any()}
    assert still == {key for key in gradients if key.startswith("projector") and name in NO_ALIGNMENT}


@pytest.mark.parametrize(
    "name", ["query-only", "query-attention", "vit", "contrastive", "light-field", "dense", "compare"]
)
def test_every_kind_goes_through_the_same_trainer_and_its_checkpoint_comes_back(
    name: str, dataset: Path, tmp_path: Path, tiny_preset: str
) -> None:
    config = load_training(tiny_preset, name, ["max_steps=1", "grid_every=0"])
    last = train(dataset, tmp_path / name, config)
    checkpoint = load_checkpoint(last)
    assert checkpoint.config == config
    untrained, trained = build_model(config), restore_model(checkpoint, last)
    assert type(trained) is type(untrained)
    before = dict(untrained.named_parameters())
    assert any(not torch.equal(before[key], parameter) for key, parameter in trained.named_parameters())


@pytest.mark.parametrize("kind", ["vit", "light-field"])
def test_encoder_weights_for_a_model_without_the_encoder_are_refused(kind: str) -> None:
    config = TrainingConfig.model_validate({"model": {"kind": kind}, "encoder_weights": "resnet18.pt"})
    with pytest.raises(PipelineError, match=rf"encoder_weights = resnet18\.pt: a model of kind {kind} has no ResNet"):
        build_model(config)


@pytest.mark.parametrize("name", ["query-only", "contrastive"])
def test_baselines_start_from_the_same_encoder_weights(name: str, tmp_path: Path) -> None:
    backbone = ResNet18(8)
    torch.save(backbone.state_dict(), tmp_path / "resnet18.pt")
    config = TrainingConfig(model=MODELS[name], encoder_weights=str(tmp_path / "resnet18.pt"))
    loaded = build_model(config).get_submodule("encoder.backbone").state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in backbone.state_dict().items())

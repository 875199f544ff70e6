"""The authors' model.pt: read, refused, evaluated, trained on, and written again. Weights are made up."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from pipeline.cli.evaluate import main as evaluate_command
from pipeline.cli.model import main as model_command
from pipeline.errors import PipelineError
from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.config import PublishedConfig
from pipeline.training.models.published import Published
from pipeline.training.train import train
from tests.training.synthetic import TINY

Content = dict[str, dict[str, Tensor]]


@pytest.fixture(scope="module")
def content() -> Content:
    """As the authors' file, its momentum encoder another than its encoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, other = Published(PublishedConfig()), Published(PublishedConfig())
    parts = {name: dict(part.state_dict()) for name, part in model.named_children()}
    averages = {f"{name}_ema": dict(getattr(other, name).state_dict()) for name in ("encoder", "projector")}
    return parts | averages


@pytest.fixture(scope="module")
def file(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("downloaded") / "model.pt"
    torch.save(content, path)
    return path


def assert_same(model: nn.Module, content: Content) -> None:
    state = model.state_dict()
    parts = {name: part for name, part in content.items() if not name.endswith("_ema")}
    assert state.keys() == {f"{name}.{key}" for name, part in parts.items() for key in part}
    for name, part in parts.items():
        assert all(torch.equal(state[f"{name}.{key}"], value) for key, value in part.items())


def test_it_is_read_as_it_is(file: Path, content: Content) -> None:
    saved = load_checkpoint(file)
    assert (saved.size, saved.reference_views, saved.config.model) == ((256, 256), 20, PublishedConfig())
    assert_same(restore_model(saved, file), content)
    assert saved.keys is not None
    assert torch.equal(
        saved.keys["encoder.fpn.inner_blocks.0.0.bias"], content["encoder_ema"]["fpn.inner_blocks.0.0.bias"]
    )


def test_training_goes_on_from_it_and_what_comes_out_fits_their_code(
    file: Path, content: Content, dataset: Path, tmp_path: Path
) -> None:
    authors = {"alternate": True, "key_momentum": 0.999, "negatives": "batch"}
    small = {
        "model": PublishedConfig(),
        **authors,
        "weights": str(file),
        "learning_rate": 1e-3,
        "batch": 2,
        "max_steps": 1,
    }
    last = train(dataset, tmp_path / "run", TINY.model_copy(update=small))
    trained = load_checkpoint(last)
    exported = tmp_path / "exported.pt"
    result = CliRunner().invoke(model_command, ["export", str(last), str(exported)])
    assert result.exit_code == 0, result.output
    written = torch.load(exported, weights_only=True)
    assert written.keys() == content.keys()
    assert all(written[part].keys() == content[part].keys() for part in content)
    assert_same(restore_model(trained, last), written)
    start, end = content["projector"]["mlp.0.weight"], written["projector"]["mlp.0.weight"]
    assert 0 < (end - start).abs().max() <= 2.01e-3  # two steps of Adam from where it began
    before, after = content["projector_ema"]["mlp.0.weight"], written["projector_ema"]["mlp.0.weight"]
    torch.testing.assert_close(after - before, 1e-3 * (end - before), atol=2e-5, rtol=0)
    assert_same(restore_model(load_checkpoint(exported), exported), written)


def test_it_is_evaluated_as_downloaded(file: Path, dataset: Path, tmp_path: Path) -> None:
    arguments = [str(file), str(dataset), "--workers", "0", "--bootstrap", "0", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(evaluate_command, arguments)
    assert result.exit_code == 0, result.output
    assert "AUC" in result.output


def test_only_a_model_of_its_kind_is_exported(dataset: Path, tmp_path: Path) -> None:
    last = train(dataset, tmp_path / "run", TINY.model_copy(update={"max_steps": 1}))
    result = CliRunner().invoke(model_command, ["export", str(last), str(tmp_path / "model.pt")])
    assert result.exit_code == 1 and "kind cmt" in result.stderr
    assert not (tmp_path / "model.pt").exists()


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return exec, ("raise SystemExit('code was run')",)  # type: ignore[return-value]


def without(content: Content, part: str, key: str) -> Content:
    return {**content, part: {name: value for name, value in content[part].items() if name != key}}


def with_value(content: Content, part: str, key: str, value: Any) -> Content:
    return {**content, part: {**content[part], key: value}}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda c: without(c, "attention_decoder", "token.weight"), ["attention_decoder lacks token.weight"]),
        (lambda c: with_value(c, "encoder", "extra", torch.ones(1)), ["encoder has the unknown extra"]),
        (
            lambda c: with_value(c, "projector", "mlp.0.weight", torch.ones(512, 128, 1, 1)),
            ["projector has mlp.0.weight (512, 128, 1, 1) instead of (1024, 128, 1, 1)"],
        ),
        (lambda c: {k: v for k, v in c.items() if k != "projector"}, ["lacks projector"]),
        (lambda c: c | {"optimiser": {}}, ["the unknown optimiser"]),
        (lambda c: c | {"encoder": [1, 2]}, ["encoder is no dictionary of tensors"]),
        (
            lambda c: with_value(c, "encoder", "fpn.inner_blocks.0.0.bias", torch.full((128,), torch.nan)),
            ["encoder.fpn.inner_blocks.0.0.bias", "not finite"],
        ),
        (lambda c: c | {"encoder": Evil()}, ["not a whole PyTorch file of tensors"]),
    ],
)
def test_what_is_not_theirs_is_refused_by_name(
    content: Content, tmp_path: Path, damage: Callable[[Content], Mapping[str, Any]], words: list[str]
) -> None:
    path = tmp_path / "model.pt"
    torch.save(damage(content), path, pickle_module=pickle)
    with pytest.raises(PipelineError) as error:
        restore_model(load_checkpoint(path), path)
    assert all(word in str(error.value) for word in [str(path), *words]), error.value

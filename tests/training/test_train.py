"""Whole runs: learning, resuming, evaluating, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.training import train as train_module
from pipeline.training.checkpoint import load_checkpoint, restore_model, save_checkpoint
from pipeline.training.config import TrainingConfig
from pipeline.training.evaluation.evaluate import evaluate_checkpoint, predict
from pipeline.training.index import index_split
from pipeline.training.logs import METRICS
from pipeline.training.train import BEST, LAST, train
from tests.training.synthetic import TINY


def variant(**changes: Any) -> TrainingConfig:
    return TrainingConfig.model_validate({**TINY.model_dump(), **changes})


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path).model


def metrics(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / METRICS).read_text().splitlines()]


def without_time(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key not in ("seconds", "samples")} for line in lines]


@pytest.mark.parametrize("stop", [1, 2, 3])  # after half an epoch, a whole one, and one and a half
def test_four_steps_equal_an_interrupted_run_and_its_resumption_bit_for_bit(
    dataset: Path, tmp_path: Path, stop: int
) -> None:
    config = variant(epochs=2)
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    train(dataset, straight, config)
    train(dataset, resumed, variant(epochs=2, max_steps=stop))
    assert load_checkpoint(resumed / LAST).step == stop
    train(dataset, resumed, config, resume=True)
    a, b = load_checkpoint(straight / LAST), load_checkpoint(resumed / LAST)
    assert (a.step, a.epoch) == (b.step, b.epoch) == (4, 2)
    assert all(torch.equal(value, b.model[name]) for name, value in a.model.items())
    for key, moments in a.optimiser["state"].items():
        assert all(torch.equal(value, b.optimiser["state"][key][name]) for name, value in moments.items())
    losses = [[line for line in without_time(metrics(out)) if "loss" in line] for out in (straight, resumed)]
    assert losses[0] == losses[1]


def test_a_run_killed_between_checkpoints_repeats_the_lost_steps_exactly(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = variant(epochs=2, checkpoint_every=1, validate_every=2)
    train(dataset, tmp_path / "straight", config)
    real, calls = train_module.training_losses, []

    def killed_at_the_third(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(train_module, "training_losses", killed_at_the_third)
    out = tmp_path / "killed"
    slow = config.model_copy(update={"checkpoint_every": 1, "log_every": 1})
    with pytest.raises(KeyboardInterrupt):
        train(dataset, out, slow)
    with (out / METRICS).open("a") as stream:
        stream.write(json.dumps({"step": 3, "epoch": 1, "loss": "of a step whose weights were lost"}) + "\n")
    monkeypatch.undo()
    train(dataset, out, slow, resume=True)
    expected, actual = weights(tmp_path / "straight" / LAST), weights(out / LAST)
    assert all(torch.equal(value, actual[name]) for name, value in expected.items())
    assert without_time(metrics(out)) == without_time(metrics(tmp_path / "straight"))


def test_the_same_run_twice_gives_the_same_checkpoint_and_another_seed_another(dataset: Path, tmp_path: Path) -> None:
    runs = [
        weights(train(dataset, tmp_path / name, variant(seed=seed))) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())
    assert not all(torch.equal(value, runs[2][name]) for name, value in runs[0].items())


def test_a_tiny_model_memorises_eight_samples(dataset: Path, tmp_path: Path) -> None:
    config = variant(epochs=60, validate_every=60, log_every=120)
    last = train(dataset, tmp_path, config, limit=8)
    lines = metrics(tmp_path)
    assert lines[-1]["validation"]["overall"]["auc"] == 1.0
    assert lines[0]["loss"]["classification"] < 0.1
    checkpoint = load_checkpoint(last)
    scores = predict(restore_model(checkpoint, last), index_split(dataset, "train"), config, torch.device("cpu"))
    assert (scores.probability[scores.label] > 0.5).all() and (scores.probability[~scores.label] < 0.5).all()
    assert weights(tmp_path / BEST).keys() == checkpoint.model.keys()


def test_validation_follows_every_epoch_and_reads_the_val_split(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path, variant(epochs=2))
    validations = [line for line in metrics(tmp_path) if "validation" in line]
    assert [(line["step"], line["epoch"]) for line in validations] == [(2, 1), (4, 2)]
    last = evaluate_checkpoint(tmp_path / LAST, dataset, "val", "cpu", 0)
    assert validations[-1]["validation"]["overall"]["auc"] == last.overall.auc


def test_evaluation_scores_do_not_depend_on_the_batch_size(dataset: Path, tmp_path: Path) -> None:
    last = train(dataset, tmp_path, TINY)
    model, index = restore_model(load_checkpoint(last), last), index_split(dataset, "test")
    whole, single = (predict(model, index, variant(eval_batch=size), torch.device("cpu")) for size in (8, 1))
    assert whole.probability == pytest.approx(single.probability, abs=1e-5)
    assert whole.anomaly_type.tolist() == [0, 1, 0, 2] * 2
    assert model.training


def test_a_loss_that_is_not_finite_stops_the_run_with_its_step(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"the loss is not finite at step [234].*lower learning_rate"):
        train(dataset, tmp_path, variant(epochs=2, learning_rate=1e30))


def test_a_new_run_does_not_overwrite_an_old_one(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path, TINY)
    with pytest.raises(PipelineError, match="already holds a training run; pass --resume"):
        train(dataset, tmp_path, TINY)


def test_resuming_with_other_settings_names_them_and_both_values(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path, TINY)
    with pytest.raises(
        PipelineError, match=r"learning_rate = 0\.5 \(was 0\.003\); views = 3|views = 3 .*learning_rate"
    ):
        train(dataset, tmp_path, variant(learning_rate=0.5, views=3), resume=True)
    with pytest.raises(PipelineError, match=r"--limit 4 \(was None\)"):
        train(dataset, tmp_path, TINY, resume=True, limit=4)


def test_checkpoint_survives_a_failed_write(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = train(dataset, tmp_path, TINY)
    before, checkpoint = last.read_bytes(), load_checkpoint(last)

    def half_written(content: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half_written)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(checkpoint, last)
    assert last.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []

"""Whole runs: learning, resuming, evaluating, and what goes wrong."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pipeline.errors import PipelineError
from pipeline.files import lock
from pipeline.training import train as train_module
from pipeline.training.checkpoint import Checkpoint, load_checkpoint, restore_model, save_checkpoint
from pipeline.training.config import ContrastiveConfig, TrainingConfig
from pipeline.training.data import training_keys
from pipeline.training.evaluation.evaluate import evaluate_checkpoint, predict
from pipeline.training.index import index_split
from pipeline.training.logs import METRICS
from pipeline.training.train import BEST, LAST, train
from tests.training.models.zoo import MODELS
from tests.training.synthetic import TINY, VIEWS, damage, rewrite, write_dataset


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
    real, calls = train_module.learn, []

    def killed_at_the_third(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(train_module, "learn", killed_at_the_third)
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


def test_a_kill_at_any_write_of_a_checkpoint_is_made_good_by_resuming(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, real = variant(epochs=2, grid_every=0), train_module.save_checkpoint
    train(dataset, tmp_path / "straight", config)
    written: list[str] = []

    def killed(state: Checkpoint, path: Path) -> None:
        if len(written) == writes:
            raise KeyboardInterrupt
        written.append(path.name)
        real(state, path)

    finished, writes = False, 0
    while not finished:
        out = tmp_path / str(writes)
        written.clear()
        monkeypatch.setattr(train_module, "save_checkpoint", killed)
        try:
            train(dataset, out, config)
            finished = True
        except KeyboardInterrupt:
            monkeypatch.undo()
            train(dataset, out, config, resume=bool(written))
        for name in (LAST, BEST):
            expected, actual = (load_checkpoint(folder / name) for folder in (tmp_path / "straight", out))
            assert (actual.step, actual.best_auc) == (expected.step, expected.best_auc), (writes, name)
            assert all(torch.equal(value, actual.model[key]) for key, value in expected.model.items())
        writes += 1
    assert written.count(LAST) == 2 and BEST in written


def test_a_folder_whose_run_was_killed_before_its_first_checkpoint_is_not_taken_for_empty(
    dataset: Path, tmp_path: Path
) -> None:
    train(dataset, tmp_path, TINY)
    (tmp_path / LAST).unlink()
    with pytest.raises(PipelineError, match="already holds a training run; pass --resume"):
        train(dataset, tmp_path, TINY)


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_goes_on(dataset: Path, tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(PipelineError, match=r"another run is working on .*another --out"):
        train(dataset, tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    train(dataset, tmp_path, TINY)
    train(dataset, tmp_path, variant(epochs=2), resume=True)


def test_a_lock_goes_with_its_process_though_a_worker_of_it_lives_on(tmp_path: Path) -> None:
    held = """
import os, sys, time
from pathlib import Path
from pipeline.files import lock
stream = lock(Path(sys.argv[1]))
worker = os.fork()
if worker == 0:
    time.sleep(60)
print(worker, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", held, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        with pytest.raises(PipelineError, match="another run is working on"):
            lock(tmp_path)
        process.kill()
        process.wait()
        try:
            assert is_free(tmp_path, seconds=20)  # the worker may not have run yet
        finally:
            os.kill(worker, signal.SIGKILL)


def is_free(folder: Path, seconds: float) -> bool:
    """Whether a lock can be had within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            lock(folder).close()
            return True
        except PipelineError:
            time.sleep(0.05)
    return False


def test_the_log_has_the_loss_of_the_whole_batch_however_many_its_parts(dataset: Path, tmp_path: Path) -> None:
    vit = {"kind": "vit", "dim": 8, "heads": 2, "feed_forward": 8, "blocks": 1}
    logged = []
    for parts in (1, 3, 8):
        train(dataset, tmp_path / str(parts), variant(model=vit, batch=8, accumulate=parts))
        logged.append(next(line for line in metrics(tmp_path / str(parts)) if "loss" in line))
    assert all(line["loss"] == pytest.approx(logged[0]["loss"], abs=2e-6) for line in logged)
    assert logged[0]["loss"]["box_l1"] > 0 and {line["samples"] for line in logged} == {8}


def test_a_batch_of_which_nothing_can_be_read_moves_no_weight(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    config = variant(batch=1, max_steps=8, betas=(0.9, 0.9))
    damage(tmp_path / "shards" / "train-00000.h5", "queries/image", row=5)
    shape = index_split(tmp_path, "train").shape
    place = [keys[0][1] for keys in training_keys(shape, config, 0)].index(5)
    assert place > 0
    before, after = (
        weights(train(tmp_path, tmp_path / str(n), config.model_copy(update={"max_steps": n})))
        for n in (place, place + 1)
    )
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_same_run_twice_gives_the_same_checkpoint_and_another_seed_another(dataset: Path, tmp_path: Path) -> None:
    runs = [
        weights(train(dataset, tmp_path / name, variant(seed=seed))) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())
    assert not all(torch.equal(value, runs[2][name]) for name, value in runs[0].items())


def test_a_tiny_model_memorises_eight_samples(dataset: Path, tmp_path: Path) -> None:
    config = variant(epochs=60, validate_every=60, log_every=120, schedule="cosine")
    last = train(dataset, tmp_path, config, limit=8)
    lines = metrics(tmp_path)
    assert lines[-1]["validation"]["overall"]["auc"] == 1.0
    assert lines[0]["loss"]["classification"] < 0.2
    checkpoint = load_checkpoint(last)
    scores = predict(restore_model(checkpoint, last), index_split(dataset, "train"), config, torch.device("cpu"))
    assert (scores.probability[scores.label] > 0.5).all() and (scores.probability[~scores.label] < 0.5).all()
    assert weights(tmp_path / BEST).keys() == checkpoint.model.keys()


def test_validation_follows_every_epoch_and_reads_the_val_split(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path, variant(epochs=2))
    validations = [line for line in metrics(tmp_path) if "validation" in line]
    assert [(line["step"], line["epoch"]) for line in validations] == [(2, 1), (4, 2)]
    last = evaluate_checkpoint(tmp_path / LAST, dataset, "val", "cpu", 0)
    assert validations[-1]["validation"]["overall"]["auc"] == last.evaluation.overall.auc


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
        PipelineError,
        match=r"learning_rate = 0\.5 \(was 0\.003\); reference_views = 3|reference_views = 3 .*learning_rate",
    ):
        train(dataset, tmp_path, variant(learning_rate=0.5, reference_views=3), resume=True)
    with pytest.raises(PipelineError, match=r"--limit 4 \(was None\)"):
        train(dataset, tmp_path, TINY, resume=True, limit=4)


def write_as(version: int, path: Path, to: Path) -> None:
    """A checkpoint as an earlier release wrote it."""
    content = {key: value for key, value in torch.load(path).items() if key not in ("keys", "resumable")}
    if version == 2:
        for settings in (content, content["config"]):
            settings["views"] = settings.pop("reference_views")
    torch.save({**content, "version": version}, to)


def test_a_checkpoint_of_version_2_is_read_with_todays_names(dataset: Path, tmp_path: Path) -> None:
    path = train(dataset, tmp_path, TINY)
    write_as(2, path, tmp_path / "old.pt")
    old, new = load_checkpoint(tmp_path / "old.pt"), load_checkpoint(path)
    assert (old.config, old.reference_views) == (new.config, new.reference_views) == (TINY, VIEWS)


@pytest.mark.parametrize("version", [2, 3])
def test_a_run_of_an_earlier_release_is_not_resumed_and_told_how_to_go_on(
    dataset: Path, tmp_path: Path, version: int
) -> None:
    last = train(dataset, tmp_path / "run", TINY.model_copy(update={"max_steps": 1}))
    write_as(version, last, last)
    with pytest.raises(PipelineError, match=f"another order; .* --set weights={last}"):
        train(dataset, tmp_path / "run", TINY, resume=True)
    train(dataset, tmp_path / "on", TINY.model_copy(update={"weights": str(last), "max_steps": 1}))


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


@pytest.mark.parametrize(
    "changes",
    [
        {"ema": 0.9, "schedule": "cosine", "warmup_steps": 1},
        {"accumulate": 2, "queries_per_shape": 3, "clip_norm": 0.1, "weight_decay": 0.1},
        {"precision": "bf16"},
        {"alternate": True, "key_momentum": 0.9, "negatives": "batch", "jitter": 0.5},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_the_settings_a_resumed_run_equals_an_undisturbed_one(
    dataset: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = variant(epochs=2, **changes)
    train(dataset, tmp_path / "straight", config)
    train(dataset, tmp_path / "resumed", config.model_copy(update={"max_steps": 1}))
    train(dataset, tmp_path / "resumed", config, resume=True)
    a, b = (load_checkpoint(tmp_path / name / LAST) for name in ("straight", "resumed"))
    assert all(torch.equal(value, b.model[name]) for name, value in a.model.items())
    plain = weights(train(dataset, tmp_path / "plain", variant(epochs=2)))
    assert not all(torch.equal(value, plain[name]) for name, value in (a.average or a.model).items())
    assert (a.average is None, a.keys is None) == ("ema" not in changes, "key_momentum" not in changes)
    for ours, theirs in ((a.average, b.average), (a.keys, b.keys)):
        if ours is not None and theirs is not None:
            assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_evaluation_uses_the_moving_average_where_there_is_one(dataset: Path, tmp_path: Path) -> None:
    last = train(dataset, tmp_path, variant(epochs=2, ema=0.5))
    state = load_checkpoint(last)
    assert state.average is not None
    judged, latest = (restore_model(state, last, averaged=averaged).state_dict() for averaged in (True, False))
    assert torch.equal(judged["tok"], state.average["tok"]) and torch.equal(latest["tok"], state.model["tok"])
    assert not torch.equal(judged["tok"], latest["tok"])


def test_the_moving_average_is_the_recurrence_by_hand(dataset: Path, tmp_path: Path) -> None:
    steps = [
        load_checkpoint(train(dataset, tmp_path / str(n), variant(epochs=2, ema=0.75, max_steps=n))) for n in (1, 2, 3)
    ]
    expected = steps[0].model["tok"]
    for state in steps[1:]:
        expected = 0.75 * expected + 0.25 * state.model["tok"]
    assert steps[-1].average is not None
    torch.testing.assert_close(steps[-1].average["tok"], expected)


def test_a_batch_in_parts_gives_the_gradient_of_the_whole_where_no_batch_statistics_mix(
    dataset: Path, tmp_path: Path
) -> None:
    vit = {"kind": "vit", "dim": 8, "heads": 2, "feed_forward": 8, "blocks": 1, "box_head": False}
    settings = {"model": vit, "betas": (0.0, 0.0), "max_steps": 1, "batch": 8}
    whole, parts = (
        load_checkpoint(train(dataset, tmp_path / str(n), variant(accumulate=n, **settings))).optimiser["state"]
        for n in (1, 3)
    )
    for key, state in whole.items():  # without momentum, the first moment is the gradient
        torch.testing.assert_close(state["exp_avg"], parts[key]["exp_avg"], atol=1e-7, rtol=1e-4)


def test_logs_are_tables_and_events_that_a_resumed_run_does_not_repeat(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path, variant(epochs=2, max_steps=3))
    train(dataset, tmp_path, variant(epochs=2), resume=True)
    with (tmp_path / "loss.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert {"epoch", "learning_rate", "samples", "seconds", "total", "query_view"} <= rows[0].keys()
    lines = metrics(tmp_path)
    assert [float(row["total"]) for row in rows] == [line["loss"]["total"] for line in lines if "loss" in line]
    with (tmp_path / "validation.csv").open(newline="") as stream:
        assert [row["step"] for row in csv.DictReader(stream)] == ["2", "3", "4"]
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/total")] == [1, 2, 3, 4]
    assert len(events.Images("samples")) == len(list((tmp_path / "samples").glob("step_*.png"))) == 3


def test_without_a_validation_split_training_goes_on_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_dataset(tmp_path)
    (tmp_path / "shards" / "val-00000.h5").unlink()
    assert train(tmp_path, tmp_path / "run", TINY).is_file()
    assert not (tmp_path / "run" / BEST).exists()
    assert "training without validation" in caplog.text and "val" in caplog.text


def test_a_row_that_fails_its_checksum_is_named_once_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_dataset(tmp_path)
    damage(tmp_path / "shards" / "train-00000.h5", "queries/image", row=2)
    train(tmp_path, tmp_path / "run", variant(epochs=2))
    (line,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert "train-00000.h5: queries/image row 2 fails its checksum" in line and "copy the file again" in line
    assert [entry["samples"] for entry in metrics(tmp_path / "run") if "loss" in entry][-1] == 14  # of 2 x 8
    with pytest.raises(PipelineError, match="row 2 fails its checksum"):
        evaluate_checkpoint(tmp_path / "run" / LAST, tmp_path, "train", "cpu", 0)


def test_a_shard_that_does_not_open_is_left_out_unless_there_is_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_dataset(tmp_path)
    (tmp_path / "shards" / "train-00001.h5").write_bytes(b"cut off")
    train(tmp_path, tmp_path / "run", TINY)
    assert "left out" in caplog.text and "train-00001.h5" in caplog.text
    (tmp_path / "shards" / "train-00000.h5").unlink()
    with pytest.raises(PipelineError, match=r"train-00001\.h5 is unreadable"):
        train(tmp_path, tmp_path / "other", TINY)


def test_a_checkpoint_whose_weights_are_of_another_architecture_is_one_clear_error(
    dataset: Path, tmp_path: Path
) -> None:
    last = train(dataset, tmp_path, TINY)
    state = load_checkpoint(last)
    wider = variant(model={**TINY.model.model_dump(), "dim": 32})
    with pytest.raises(
        PipelineError, match=r"checkpoint\.pt: the weights do not fit the model that the config asks for"
    ):
        restore_model(replace(state, config=wider), last)


def test_a_shape_whose_views_show_nothing_gives_no_nan(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    rewrite(tmp_path, "train", "shapes/patch_valid", np.zeros((2, 4, 8, 8), dtype=bool))
    rewrite(tmp_path, "train", "shapes/point_visible", np.zeros((2, 4, 30), dtype=bool))
    train(tmp_path, tmp_path / "run", TINY)
    assert all(np.isfinite(line["loss"]["total"]) for line in metrics(tmp_path / "run") if "loss" in line)


def test_what_is_told_while_a_run_goes_on_is_short(
    dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    train(dataset, tmp_path, TINY)
    *_, losses, validation = (record.getMessage() for record in caplog.records)
    assert losses.startswith("step 2, epoch 1: total ") and "learning_rate 0.003" in losses
    assert validation.startswith("step 2, epoch 1: images 8, auc ") and len(validation) < 120


@pytest.mark.parametrize(
    ("settings", "way"),
    [
        ({"batch": 4}, "accumulate=2 (2 at once)"),
        ({"batch": 4, "accumulate": 4}, "reference_views=2"),
        ({"batch": 4, "model": ContrastiveConfig(dim=8, encoder_width=8)}, "batch=2"),
    ],
)
def test_a_gpu_whose_memory_is_too_small_is_told_with_what_to_try(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], way: str
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(train_module, "learn", full)
    with pytest.raises(PipelineError, match=f"try --set {re.escape(way)}"):
        train(dataset, tmp_path / "run", variant(**settings))


@pytest.mark.parametrize("kind", ["query-only", "contrastive"])
def test_what_aligns_descriptors_changes_nothing_for_a_model_that_has_none(
    dataset: Path, tmp_path: Path, kind: str
) -> None:
    plain = variant(model=MODELS[kind], batch=4)
    authors = plain.model_copy(update={"alternate": True, "key_momentum": 0.999, "negatives": "batch"})
    states = [
        load_checkpoint(train(dataset, tmp_path / name, config)) for name, config in (("a", plain), ("b", authors))
    ]
    assert states[1].keys is None
    assert all(torch.equal(value, states[1].model[name]) for name, value in states[0].model.items())

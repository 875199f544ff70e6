"""Two processes on the CPU train one model together."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from benchmarks.gradients import CASES, gradient, in_processes
from pipeline.errors import PipelineError
from pipeline.files import lock
from pipeline.training import train as train_module
from pipeline.training.checkpoint import load_checkpoint
from pipeline.training.config import CompareConfig, TrainingConfig, load_training
from pipeline.training.data import ShardDataset, load_batches, share, training_keys
from pipeline.training.distributed import Group, process_group
from pipeline.training.index import index_split
from pipeline.training.learner import new_learner
from pipeline.training.losses import count
from pipeline.training.models.interface import Model
from pipeline.training.step import gradients
from pipeline.training.train import train
from tests.training.synthetic import TINY, damage, rewrite, write_dataset

TRAIN = str(Path(sys.executable).with_name("l3d-train"))
ALL_LOSSES = TrainingConfig.model_validate(
    {**TINY.model_dump(), "batch": 8, "queries_per_shape": 3, "model": {**TINY.model.model_dump(), "patch_head": True}}
)
COMPARING = ALL_LOSSES.model_copy(update={"model": CompareConfig(width=8, levels=3, blind=0.4)})
OF_MAPS = {"segmentation", "places", "type"}


def run_two(dataset: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [TRAIN, str(dataset), "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY.model_copy(update={"epochs": 2}).model_dump(mode="json")))
    return str(path)


def losses(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def _straight_and_resumed(group: Group, dataset: Path, folder: Path, config: TrainingConfig) -> list[dict[str, Any]]:
    """A run, and one that is stopped and resumed; the weights that this process validated, as arrays."""
    judged, real = [], train_module._validate

    def noting(model: Model, *others: Any) -> Any:
        judged.append({name: value.clone().numpy() for name, value in model.state_dict().items()})
        return real(model, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_module, "_validate", noting)
        patch.setattr(train_module, "process_group", lambda device: nullcontext(group))
        train(dataset, folder / "straight", config)
        train(dataset, folder / "resumed", config.model_copy(update={"max_steps": 2}))
        train(dataset, folder / "resumed", config, resume=True)
    return judged


@pytest.fixture(scope="module")
def runs(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[dict[str, Any]]]]:
    """The folder with both runs of two processes, and what each of them validated."""
    folder = tmp_path_factory.mktemp("runs")
    config = TINY.model_copy(update={"epochs": 2, "batch": 3, "ema": 0.5, "grid_every": 0})
    return folder, in_processes(2, _straight_and_resumed, dataset, folder, config)


def test_two_processes_train_resume_and_end_as_an_undisturbed_run_does(
    runs: tuple[Path, list[list[dict[str, Any]]]],
) -> None:
    straight, resumed = runs[0] / "straight", runs[0] / "resumed"
    a, b = (load_checkpoint(out / "checkpoint.pt") for out in (straight, resumed))
    assert a.step == b.step == 6
    assert all(torch.equal(value, b.model[name]) for name, value in a.model.items())
    lines = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]  # the first process alone writes
    assert [line["validation"]["overall"]["images"] for line in lines if "validation" in line] == [8, 8]
    assert [line["samples"] for line in losses(straight)] == [3, 6, 8, 11, 14, 16]  # of both
    assert [line["loss"] for line in losses(straight)] == [line["loss"] for line in losses(resumed)]


def test_every_process_judges_the_model_that_is_saved(runs: tuple[Path, list[list[dict[str, Any]]]]) -> None:
    folder, (first, second) = runs
    assert len(first) == len(second) == 5  # two of the straight run, and of the other one where it stopped
    saved = load_checkpoint(folder / "straight" / "checkpoint.pt").average
    assert saved is not None and any("running_var" in name for name in saved)
    for name, value in saved.items():
        assert np.array_equal(first[1][name], second[1][name]), name
        assert np.array_equal(first[1][name], value.numpy()), name


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of which each has another number of anchors."""
    folder = write_dataset(tmp_path_factory.mktemp("uneven"))
    visible, mask = np.ones((2, 4, 30), dtype=bool), np.zeros((8, 64, 64), dtype=np.uint8)
    visible[1, :, 5:] = False
    for row in range(8):
        mask[row, : 8 * (1 + row % 4), :8] = 255
    rewrite(folder, "train", "shapes/point_visible", visible)
    rewrite(folder, "train", "queries/object_mask", mask)
    return folder


@pytest.mark.parametrize("name", list(CASES)[1:])
def test_parts_and_processes_change_neither_gradient_nor_losses_of_a_batch(name: str, uneven: Path) -> None:
    whole, found = (gradient(uneven, ALL_LOSSES, *case, frozen=True) for case in (CASES["1 part"], CASES[name]))
    assert abs(found.values - whole.values).max() < 1e-5 * abs(whole.values).max()
    assert found.losses == pytest.approx(whole.losses, rel=1e-5)
    assert {loss for loss, value in whole.losses.items() if value == 0} == {"contrast", *OF_MAPS}


def test_parts_change_neither_gradient_nor_losses_of_maps(uneven: Path) -> None:
    """Of which some samples see no reference."""
    whole, found = (gradient(uneven, COMPARING, *CASES[name], frozen=True) for name in ("1 part", "4 parts"))
    assert abs(found.values - whole.values).max() < 1e-5 * abs(whole.values).max()
    assert found.losses == pytest.approx(whole.losses, rel=1e-5)
    assert {loss for loss, value in whole.losses.items() if value > 0} == {"total", "classification", *OF_MAPS}


def test_parts_of_the_batch_that_is_compared_differ_in_every_count(uneven: Path) -> None:
    samples = ShardDataset(index_split(uneven, "train"), ALL_LOSSES, augmented=True)
    keys = next(training_keys(samples.index.shape, ALL_LOSSES, 0))
    shares = share(keys, ALL_LOSSES.model_copy(update={"accumulate": 4}), 0, 1)
    parts = [batch.samples for batch in load_batches(samples, shares, 0, torch.device("cpu"))]
    counts = [count(part, ALL_LOSSES)._asdict() for part in parts if part is not None]
    same = {name for name in counts[0] if len({int(each[name]) for each in counts}) == 1}
    assert len(counts) == 4 and same == {"samples", "sighted", "patches"}


def test_samples_and_splits_that_do_not_reach_all_processes_stop_none(tmp_path: Path, tiny: str) -> None:
    write_dataset(tmp_path)
    damage(tmp_path / "shards" / "train-00000.h5", "queries/image", row=2)
    one = write_dataset(tmp_path / "one", shapes=1, queries=1)
    (one / "shards" / "val-00000.h5").replace(tmp_path / "shards" / "val-00000.h5")
    done = run_two(tmp_path, tmp_path / "run", "--config", tiny, "--set", "batch=2", "--set", "epochs=1")
    succeeded(done)
    assert done.stderr.count("row 2 fails its checksum") == 1
    assert losses(tmp_path / "run")[-1]["samples"] == 7  # of eight
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["validation"]["overall"]["images"] == 1


def _losses_of_one_poisoned(group: Group, dataset: Path) -> dict[str, float]:
    """The second process's samples lie nowhere."""
    samples = ShardDataset(index_split(dataset, "train"), TINY, augmented=True)
    (batch,) = load_batches(samples, [[(0, group.rank, group.rank)]], 0, group.device)
    assert batch.samples is not None
    inputs = batch.samples.inputs
    if group.rank == 1:
        inputs = inputs._replace(views=inputs.views._replace(patch_xyz=inputs.views.patch_xyz * torch.nan))
    learner = new_learner(TINY, None, dataset, group)
    return gradients(learner, [batch.samples._replace(inputs=inputs)], TINY, group).by_name()


def test_a_loss_that_is_not_finite_in_one_process_is_not_finite_in_all(dataset: Path) -> None:
    for found in in_processes(2, _losses_of_one_poisoned, dataset):
        assert np.isnan(found["total"]) and np.isfinite(found["query_view"])


def test_a_contrastive_model_is_refused_by_several_processes(
    dataset: Path, tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Group(0, 2, torch.device("cpu"))
    monkeypatch.setattr(train_module, "process_group", lambda device: nullcontext(two))
    with pytest.raises(PipelineError, match="2 processes cannot train a contrastive model"):
        train(dataset, tmp_path / "run", load_training(tiny, "contrastive"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("accumulate", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_shares_of_a_batch_have_every_sample_once(accumulate: int, size: int) -> None:
    config = TINY.model_copy(update={"batch": 7, "accumulate": accumulate})
    for keys in training_keys(np.arange(10), config, 0):
        shares = [share(keys, config, rank, size) for rank in range(size)]
        assert [key for parts in shares for part in parts for key in part] == keys  # those that share views stay
        assert all(part for parts in shares for part in parts) and max(map(len, shares)) <= accumulate
    assert share([(0, 4, 4)], config, 1, 2) == []


def srun(dataset: Path, out: Path, tiny: str) -> list[subprocess.CompletedProcess[str]]:
    """Two processes as Slurm starts them, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for rank in "01":
        own = {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": rank, "SLURM_LOCALID": rank}
        environment = {**os.environ, **own, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        command = [TRAIN, str(dataset), "--out", str(out), "--config", tiny, "--set", "max_steps=1"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=environment, **pipes))  # type: ignore[call-overload]
    ended = []
    for process in started:
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
        ended.append(subprocess.CompletedProcess(process.args, process.returncode, output, errors))
    return ended


def test_processes_of_srun_train_one_model(dataset: Path, tmp_path: Path, tiny: str) -> None:
    for done in srun(dataset, tmp_path / "run", tiny):
        succeeded(done)
    assert [line["samples"] for line in losses(tmp_path / "run")] == [4]


def test_where_the_folder_is_taken_all_processes_end_with_one_clear_line(
    dataset: Path, tmp_path: Path, tiny: str
) -> None:
    with lock(tmp_path):
        for done in srun(dataset, tmp_path, tiny):
            (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
            assert done.returncode == 1 and "another run is working on" in line and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"},  # a script of sbatch, a shell of salloc
        {"SLURM_NTASKS": "4", "SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
        {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "4", "WORLD_SIZE": "1", "RANK": "0"},  # torchrun under srun
    ],
)
def test_one_process_in_an_allocation_of_several_tasks_trains_alone(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with process_group("cpu") as group:
        assert (group.rank, group.size) == (0, 1)


@pytest.mark.parametrize("tasks", ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"])
def test_processes_of_srun_that_cannot_find_each_other_are_refused(monkeypatch: pytest.MonkeyPatch, tasks: str) -> None:
    for name, value in {"SLURM_STEP_ID": "0", tasks: "4", "SLURM_PROCID": "3", "MASTER_ADDR": "node1"}.items():
        monkeypatch.setenv(name, value)
    expected = "srun started 4 processes that cannot find each other without MASTER_PORT: export"
    with pytest.raises(PipelineError, match=re.escape(expected)), process_group("cpu"):
        pass

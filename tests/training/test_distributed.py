"""Two processes on the CPU train one model together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from pipeline.training.checkpoint import load_checkpoint
from pipeline.training.data import shares, training_keys
from tests.training.synthetic import TINY


def run_two(dataset: Path, out: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(Path(sys.executable).with_name("l3d-train")), str(dataset), "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_train_resume_and_end_as_an_undisturbed_run_does(dataset: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(TINY.model_copy(update={"epochs": 2}).model_dump(mode="json")))
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    run_two(dataset, straight, "--config", str(config))
    run_two(dataset, resumed, "--config", str(config), "--set", "max_steps=2")
    run_two(dataset, resumed, "--resume", "--set", "max_steps=null")
    a, b = (load_checkpoint(out / "checkpoint.pt") for out in (straight, resumed))
    assert a.step == b.step == 4
    assert all(torch.equal(value, b.model[name]) for name, value in a.model.items())
    lines = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4]  # the first process alone writes
    assert [line["validation"]["overall"]["images"] for line in lines if "validation" in line] == [8, 8]


@pytest.mark.parametrize("accumulate", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_shares_of_a_batch_have_every_sample_once_and_weigh_it_like_the_whole(accumulate: int, size: int) -> None:
    config = TINY.model_copy(update={"batch": 7, "accumulate": accumulate})
    for keys in training_keys(10, config, 0):
        parts = [part for rank in range(size) for part in shares(keys, config, rank, size)]
        assert sorted(key for own, weight in parts if weight for key in own) == sorted(keys)
        # The mean over processes of weight x (1 / samples of the part), for each sample.
        assert [weight / len(own) / size for own, weight in parts if weight] == pytest.approx(
            [1 / len(keys)] * sum(weight > 0 for _, weight in parts)
        )
        (count,) = {len(shares(keys, config, rank, size)) for rank in range(size)}  # or they would wait for ever
        assert count <= accumulate


def test_a_process_without_samples_takes_one_that_does_not_count() -> None:
    assert shares([(0, 4)], TINY, 1, 2) == [([(0, 4)], 0.0)]

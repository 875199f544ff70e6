"""Top-k cross-attention, gathered against dense: time and memory, and training steps of CMT with either.

    python -m benchmarks.attention [--steps 3]

Each row runs in a process of its own, one thread: seconds are the median of forward and backward, memory is how much
the process's peak resident set (``ru_maxrss``) grew over what inputs and weights take. Batch 1 at the paper's
dimensions: 1,025 tokens, N x 1,024 view patches, 8 heads of 16 channels. The selection of the keys, which both share,
is not in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from typing import Any

import torch

from benchmarks.table import seconds, write_rows
from pipeline.training.config import CMTConfig, TrainingConfig
from pipeline.training.models.attention import CrossAttention, KeptKeys
from pipeline.training.models.build import build_model
from pipeline.training.models.interface import Inputs

TOKENS, PATCHES, DIM, HEADS = 1025, 1024, 128, 8
CASES = [(views, k) for views in (10, 20) for k in (20, 100, 200)]
STEP_BATCH, STEP_VIEWS, STEP_SIZE = 2, 4, 256


def main(repeats: int) -> None:
    """A table of both ways, and its JSON."""
    rows: dict[str, dict[str, Any]] = {}
    print(f"{'':36}{'gathered s':>12}{'dense s':>10}{'ratio':>8}{'gathered MiB':>14}{'dense MiB':>11}")
    for name, arguments in [
        *((f"attention, N = {views}, k = {k}", ["attention", str(views), str(k)]) for views, k in CASES),
        (f"training step, {STEP_BATCH} x {STEP_VIEWS} views", ["step", str(STEP_VIEWS), "100"]),
    ]:
        ways = {way: _apart(way, arguments, repeats) for way in ("gathered", "dense")}
        a, b = ways["gathered"], ways["dense"]
        rows[name] = {**ways, "ratio": b["seconds"] / a["seconds"]}
        memory = f"{a['mebibytes']:14.0f}{b['mebibytes']:11.0f}"
        print(f"{name:36}{a['seconds']:12.3f}{b['seconds']:10.3f}{rows[name]['ratio']:8.2f}{memory}", flush=True)
    write_rows("attention", rows)


def _apart(way: str, arguments: list[str], repeats: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.attention", "--worker", way, *arguments, "--steps", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _work(way: str, what: str, views: int, k: int, repeats: int) -> dict[str, float]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    run = _attention(way == "gathered", views, k) if what == "attention" else _step(way, views, k)
    before = _peak()
    times = seconds(run, repeats)
    return {"seconds": sorted(times)[len(times) // 2], "mebibytes": _peak() - before}


def _attention(gathered: bool, views: int, k: int) -> Any:
    module = CrossAttention(DIM, HEADS, gathered)
    keys = views * PATCHES
    tokens = torch.randn(1, TOKENS, DIM, requires_grad=True)
    patches = torch.randn(1, keys, DIM, requires_grad=True)
    rows = torch.stack([torch.randperm(keys)[:k] for _ in range(TOKENS)])[None]
    selection = KeptKeys(rows, torch.ones_like(rows, dtype=torch.bool))
    valid = torch.ones(1, keys, dtype=torch.bool)
    return lambda: module(tokens, patches, valid, selection).square().sum().backward()


def _step(way: str, views: int, k: int) -> Any:
    model = build_model(TrainingConfig(model=CMTConfig.model_validate({"attention": way, "top_k": k})))
    side = STEP_SIZE // 8
    inputs = Inputs(
        torch.randint(256, (STEP_BATCH, 3, STEP_SIZE, STEP_SIZE), dtype=torch.uint8),
        torch.full((STEP_BATCH, STEP_SIZE, STEP_SIZE), 255, dtype=torch.uint8),
        torch.randint(256, (STEP_BATCH, views, STEP_SIZE, STEP_SIZE), dtype=torch.uint8),
        torch.rand(STEP_BATCH, views, side, side, 3),
        torch.ones(STEP_BATCH, views, side, side, dtype=torch.bool),
    )
    return lambda: model(inputs).logit.sum().backward()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="repeats, of which the median counts")
    parser.add_argument("--worker", nargs=4, metavar=("WAY", "WHAT", "VIEWS", "K"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        way, what, views, k = given.worker
        print(json.dumps(_work(way, what, int(views), int(k), given.steps)))
    else:
        main(given.steps)

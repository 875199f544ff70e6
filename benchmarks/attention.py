"""Top-k cross-attention, gathered against dense: seconds and memory, alone and in a whole training step.

    python -m benchmarks.attention

One thread, float32, the paper's dimensions; seconds are the CPU's, since machines are shared. Dense attention is
PyTorch's fused kernel, which never holds the whole matrix of tokens by keys, and once more without it, as one would
write it down. Each row is a fresh process. Its memory is how far one forward and backward pass (for the step: one whole
step) raises the resident memory at its peak above what inputs and weights took before (VmHWM less VmRSS, Linux); a
small pass has loaded the libraries by then. Which keys a token keeps is given, as all need it; that the dense ones make
a mask of it is part of their cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.table import write_rows
from pipeline.training.config import AttentionWay, CMTConfig, TrainingConfig
from pipeline.training.data import Sample
from pipeline.training.losses import count, training_losses
from pipeline.training.models.attention import CrossAttention, KeptKeys
from pipeline.training.models.build import build_model
from pipeline.training.models.encoder import STRIDE
from pipeline.training.models.interface import Inputs, Views

PAPER = CMTConfig()
SIZE = 256  # pixels
PATCHES = (SIZE // STRIDE) ** 2
REPEATS = 3
PROCESS = Path("/proc/self")
UNFUSED = "dense, unfused"
WAYS = ("gathered", "dense", UNFUSED)


class Cost(NamedTuple):
    """CPU seconds of each repeat, and megabytes (10^6) of memory at the peak."""

    times: list[float]
    megabytes: float


def main() -> None:
    """Print and write one row a case."""
    rows: dict[str, dict[str, object]] = {}
    print(f"{'':52}{'median s':>10}{'max s':>8}{'peak MB':>9}{'n':>4}")
    for views, k, way in product((10, 20), (20, 100, 200), WAYS):
        cost = _in_fresh_process(attention, way, views, k)
        _add(rows, f"cross-attention, {views} views, k = {k}, {way}", cost)
    for way in WAYS:
        _add(rows, f"step of 2 samples, 4 views, {way}", _in_fresh_process(training_step, way))
    write_rows("attention", rows)


def attention(way: str, views: int, k: int) -> Cost:
    """Forward and backward of one cross-attention: [tok] and a query's patches to those of the views."""

    def work(tokens: int, keys: int, k: int) -> Callable[[], None]:
        generator = torch.Generator().manual_seed(0)
        module = CrossAttention(PAPER.dim, PAPER.heads, PAPER.dim)
        given, shown = (torch.randn(1, n, PAPER.dim, generator=generator, requires_grad=True) for n in (tokens, keys))
        rows = torch.rand(1, tokens, keys, generator=generator).topk(k).indices
        selection = KeptKeys(rows, torch.ones_like(rows, dtype=torch.bool))
        valid, chosen = torch.ones(1, keys, dtype=torch.bool), torch.tensor([[0]])
        return lambda: module(given, shown, valid, chosen, selection.opened(keys, _kind(way))).sum().backward()

    return _cost(way, work(8, 16, 4), work(1 + PATCHES, views * PATCHES, k))


def training_step(way: str) -> Cost:
    """Forward, losses, backward and Adam's update of the whole model on two samples."""

    def work(config: TrainingConfig, size: int) -> Callable[[], None]:
        batch, model = _batch(config, size), build_model(config).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=config.betas)

        def step() -> None:
            optimiser.zero_grad(set_to_none=True)
            training_losses(model(batch.inputs), batch, config, count(batch, config)).total.backward()
            optimiser.step()

        return step

    small = CMTConfig(dim=8, heads=2, encoder_width=8, top_k=4, projector_hidden=8, attention=_kind(way))
    paper = PAPER.model_copy(update={"attention": _kind(way)})
    return _cost(
        way,
        work(TrainingConfig(model=small, batch=2, reference_views=2), 64),
        work(TrainingConfig(model=paper, batch=2, reference_views=4), SIZE),
    )


def _kind(way: str) -> AttentionWay:
    return "gathered" if way == "gathered" else "dense"


def _batch(config: TrainingConfig, size: int) -> Sample:
    """Random images whose every patch shows the object; no view is shared, and the second sample is anomalous."""
    generator = torch.Generator().manual_seed(0)
    side, pairs, count, views = size // STRIDE, config.point_pairs, config.batch, config.reference_views
    shown = count * views
    return Sample(
        inputs=Inputs(
            image=torch.randint(256, (count, 3, size, size), generator=generator, dtype=torch.uint8),
            object_mask=torch.full((count, size, size), 255, dtype=torch.uint8),
            views=Views.of(
                image=torch.randint(256, (shown, size, size), generator=generator, dtype=torch.uint8),
                patch_xyz=torch.rand(shown, side, side, 3, generator=generator),
                patch_valid=torch.ones(shown, side, side, dtype=torch.bool),
            ),
            chosen=torch.arange(shown).view(count, views),
        ),
        view_names=torch.arange(shown),
        label=torch.arange(count) % 2.0,
        anomaly_type=torch.arange(count) % 2,
        box=torch.full((count, 4), 0.5),
        object_patches=torch.randint(side**2, (count, pairs), generator=generator),
        object_patch_valid=torch.ones(count, pairs, dtype=torch.bool),
        matches=size * torch.rand(count, views, pairs, 2, 2, generator=generator),
        match_valid=torch.ones(count, views, pairs, dtype=torch.bool),
        shape=torch.arange(count),
        anomalous_patches=torch.zeros(count, side**2, dtype=torch.bool),
        places=torch.zeros(count, 2, 0, 0, dtype=torch.uint8),
        blind=torch.zeros(count, dtype=torch.bool),
        true_patches=torch.zeros(count, views, pairs, dtype=torch.int64),
        true_patch_valid=torch.zeros(count, views, pairs, dtype=torch.bool),
    )


def _cost(way: str, small: Callable[[], None], work: Callable[[], None]) -> Cost:
    with sdpa_kernel(SDPBackend.MATH) if way == UNFUSED else nullcontext():
        small()
        PROCESS.joinpath("clear_refs").write_text("5", encoding="ascii")  # the peak starts again from what is held now
        before = _memory("VmRSS")
        work()
        peak = _memory("VmHWM") - before
        return Cost([_cpu_seconds(work) for _ in range(REPEATS)], peak)


def _cpu_seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _memory(name: str) -> float:
    """Megabytes of this process, by a name of its status. (A child's ru_maxrss would start at its parent's.)"""
    lines = PROCESS.joinpath("status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / 1e6


def _in_fresh_process(case: Callable[..., Cost], *arguments: object) -> Cost:
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        return pool.submit(case, *arguments).result()


def _add(rows: dict[str, dict[str, object]], name: str, cost: Cost) -> None:
    median, most = float(np.median(cost.times)), max(cost.times)
    rows[name] = {"median_s": median, "max_s": most, "peak_mb": cost.megabytes, "n": len(cost.times)}
    print(f"{name:52}{median:10.3f}{most:8.3f}{cost.megabytes:9.0f}{len(cost.times):4}", flush=True)


if __name__ == "__main__":
    main()

"""Samples a second and peak memory of training, beside those of another checkout, in turns.

    python -m benchmarks.training_speed DATASET --against CHECKOUT --set batch=4 --ours queries_per_shape=4

Each run is an ``l3d-train`` of a few steps in a process of its own; the first steps, in which libraries warm up, do not
count. ``--set`` holds for both sides, ``--ours`` for this checkout alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click

from pipeline.report.text import aligned

HERE = Path(__file__).resolve().parents[1]
WARM_UP = 2  # steps


class Speed(NamedTuple):
    """Samples a second, and megabytes (10^6) at the peak."""

    rate: float
    megabytes: float


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="Checkout to compare with.")
@click.option("--config", default="training/cmt", show_default=True)
@click.option("--set", "common", multiple=True, metavar="KEY=VALUE")
@click.option("--ours", multiple=True, metavar="KEY=VALUE", help="Setting of this checkout alone.")
@click.option("--steps", default=6, show_default=True)
@click.option("--repeats", default=3, show_default=True)
def main(
    dataset: Path,
    against: Path | None,
    config: str,
    common: tuple[str, ...],
    ours: tuple[str, ...],
    steps: int,
    repeats: int,
) -> None:
    """Print one row a side."""
    sides = {"this": (HERE, (*common, *ours))} | ({"other": (against.resolve(), common)} if against else {})
    found: dict[str, list[Speed]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, (checkout, settings) in sides.items():
            found[name].append(_train(checkout, dataset.resolve(), config, settings, steps))
    slowest = min(median(speed.rate for speed in own) for own in found.values())
    rows = [["checkout", "samples/s", "lowest", "highest", "times", "peak MB"]]
    for name, own in found.items():
        rates = [speed.rate for speed in own]
        rate = median(rates)
        numbers = (rate, min(rates), max(rates), rate / slowest)
        rows.append([name, *(f"{x:.3f}" for x in numbers), f"{max(speed.megabytes for speed in own):.0f}"])
    click.echo(aligned(rows))


def _train(checkout: Path, dataset: Path, config: str, settings: Sequence[str], steps: int) -> Speed:
    always = ("log_every=1", f"max_steps={WARM_UP + steps}", "grid_every=0")
    with tempfile.TemporaryDirectory() as out:
        overrides = [argument for setting in (*settings, *always) for argument in ("--set", setting)]
        call = ["-c", "from pipeline.cli.train import main; main()", str(dataset), "--config", config, "--out", out]
        command = [sys.executable, *call, *overrides]
        # Only os.wait4 tells the memory of this one child.
        process = subprocess.Popen(
            command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise click.ClickException(f"{' '.join(command)} in {checkout} failed with {status}")
        lines = [json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]
    timed = [(line["seconds"], line["samples"]) for line in lines if "seconds" in line]
    (start, before), (end, after) = timed[WARM_UP - 1], timed[-1]
    return Speed((after - before) / (end - start), usage.ru_maxrss * 1024 / 1e6)


if __name__ == "__main__":
    main()

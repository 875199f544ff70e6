"""Query images an hour, end to end, and what a second worker brings.

    python -m benchmarks.throughput --config default
    python -m benchmarks.throughput --config brokenchairs180k --source partnet:<folder>
    python -m benchmarks.throughput --source synthetic:6 --jobs 1 --jobs 2 [--core-each]

``l3d-gen`` into a fresh folder, once with each number of workers: wall time of everything from the start of the command
to the finished report, and the render stage's share. Blender uses as many threads as there are cores for each worker;
so one worker against two is threads against processes. With ``--core-each`` a worker has one core, and it is scaling.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks.table import write_rows
from pipeline.format.reader import Shard


@dataclass(frozen=True)
class Rate:
    """One run. render_share: of all units' seconds, those of the render stage's."""

    workers: int
    images: int
    references: int
    wall: float
    render_share: float

    @property
    def hourly(self) -> float:
        return 3600 * self.images / self.wall


@click.command()
@click.option("--config", "preset", default="default", show_default=True)
@click.option("--source")
@click.option("--jobs", multiple=True, type=int, default=(2,), show_default=True)
@click.option("--core-each", is_flag=True, help="as many cores as workers, no more")
def main(preset: str, source: str | None, jobs: tuple[int, ...], core_each: bool) -> None:
    """Run the pipeline and print the rates."""
    options = ["--config", preset, *(["--source", source] if source else [])]
    print(f"{'workers':>8}{'images':>8}{'references':>12}{'wall s':>9}{'images/h':>10}{'render':>8}")
    rates = []
    for workers in jobs:
        rate = _run(options, workers, core_each)
        rates.append(rate)
        print(
            f"{rate.workers:8}{rate.images:8}{rate.references:12}{rate.wall:9.1f}{rate.hourly:10.0f}"
            f"{rate.render_share:8.1%}"
        )
    if len(rates) > 1:
        print(
            f"{rates[-1].workers} workers are {rates[0].wall / rates[-1].wall:.2f} times as fast as {rates[0].workers}"
        )
    name = f"throughput_{preset}_{(source or 'usual').partition(':')[0]}"
    write_rows(name, {str(rate.workers): {**asdict(rate), "hourly": rate.hourly} for rate in rates})


def _run(options: list[str], workers: int, core_each: bool) -> Rate:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "out")
        command = [sys.executable, "-m", "pipeline.cli.gen", *options, "--out", str(out), "--jobs", str(workers)]
        if core_each:
            command = ["taskset", "--cpu-list", f"0-{workers - 1}", *command]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        images = references = 0
        for path in (out / "shards").glob("*.h5"):
            with Shard(path) as shard:
                images += shard.query_count
                references += sum(len(shard.row("shapes", "image", row)) for row in range(shard.shape_count))
        entries = [json.loads(line) for line in (out / "timings.jsonl").read_text(encoding="utf-8").splitlines()]
        seconds = {
            stage: sum(e["seconds"] for e in entries if e["stage"] == stage) for stage in {e["stage"] for e in entries}
        }
        return Rate(workers, images, references, wall, seconds["render"] / sum(seconds.values()))


if __name__ == "__main__":
    main()

"""Time and memory of whole runs by stage, at more and more shapes: ``python -m benchmarks.cost -n 100 -n 1000``.

Synthetic chairs at the least of everything: 64 pixels, one sample, two reference views, one image as it is and one with
an anomaly. What grows faster than the shapes shows as milliseconds a shape that rise. Nothing is left out: every stage,
Blender among them, does its work. Each run is a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import click
import psutil

from pipeline.config import Config
from pipeline.engine.run import Step
from pipeline.engine.workers import Effort
from pipeline.format.labels import PAPER_TYPES
from pipeline.report.text import aligned
from pipeline.run import open_run
from pipeline.settings.loading import load

SETTINGS = (
    "plan.of_shapes=1",
    *(f"plan.types.{name}={{shapes: 0.2, images: 0.2, images_per_shape: [1, 1]}}" for name in PAPER_TYPES),
    "plan.normal={images: 1, images_per_shape: [1, 1]}",
    "views.resolution=64",
    "views.reference_views=2",
    "views.surface_points=30",
    "materials.map_size=32",
    "render.samples=1",
    "render.reference_samples=1",
    "render.denoise=none",
)
#: Between looks at the memory of all processes.
LOOK_SECONDS = 0.5


class Memory:
    """The most that this process and those that it started hold at a moment, in MB, by the stage at work."""

    def __init__(self) -> None:
        self.peak: dict[str, float] = defaultdict(float)
        self._stage = ""
        threading.Thread(target=self._look, daemon=True).start()

    def begin(self, step: Step) -> None:
        self._stage = step.stage

    def _look(self) -> None:
        own = psutil.Process()
        while True:
            held = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak[self._stage] = max(self.peak[self._stage], held / 2**20)
            time.sleep(LOOK_SECONDS)


@click.command()
@click.option("-n", "counts", multiple=True, type=int, default=(100, 1000), show_default=True, help="shapes")
@click.option("--jobs", default=2, show_default=True)
@click.option("--one", hidden=True, type=click.Path(path_type=Path))
def main(counts: tuple[int, ...], jobs: int, one: Path | None) -> None:
    """Print a table."""
    if one is not None:
        click.echo(json.dumps(_run(counts[0], jobs, one)))
        return
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.cost", "-n", str(count), "--jobs", str(jobs), "--one", folder]
            found.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    head = ["stage", *(part for n in counts for part in (f"{n}: s", "ms a shape", "MB"))]
    rows = []
    for stage in found[0]["seconds"]:
        row = [stage]
        for count, run in zip(counts, found, strict=True):
            seconds = run["seconds"][stage]
            row += [f"{seconds:.1f}", f"{1000 * seconds / count:.1f}", f"{run['memory'].get(stage, 0):.0f}"]
        rows.append(row)
    click.echo(aligned([head, *rows]))
    for count, run in zip(counts, found, strict=True):
        click.echo(f"{count} shapes: {run['images']} images, {run['megabytes']:.0f} MB in {run['files']} files")


def _run(count: int, jobs: int, out: Path) -> dict[str, object]:
    config = load(Config, None, [f"source=synthetic:{count}", *SETTINGS])
    memory = Memory()
    start = time.perf_counter()
    with open_run(config, out, Effort(jobs), memory.begin) as run:
        summary = run.execute()
    seconds = {stage.stage: stage.seconds for stage in summary.stages}
    seconds["all"] = time.perf_counter() - start
    memory.peak["all"] = max(memory.peak.values())
    files = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    images = next(stage.size for stage in summary.stages if stage.stage == "render")
    return {
        "seconds": seconds,
        "memory": memory.peak,
        "images": images,
        "files": len(files),
        "megabytes": sum(files) / 2**20,
    }


if __name__ == "__main__":
    main()

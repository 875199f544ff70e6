"""Seconds, memory and units made by runs over made-up shapes: ``python -m benchmarks.scale [--shapes 8143]``.

The stages' costly work is stubbed, as in ``tests/test_scale.py``; listing, planning, hashing, recording and looking up
are the real ones. Each run is a process of its own, whose peak memory is told.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from pipeline.report.text import aligned
from tests.stubbed_stages import change_file, stubbed_run, stubs, write_source

#: What is done before each run, in order.
RUNS = ("all made", "nothing changed", "a dry run", "one shape repaired", "one shape taken away", "1 % more broken")
BROKEN = "plan.types.broken={shapes: 6174, images: 20208, images_per_shape: [1, 5], median: 4}"


@click.command()
@click.option("--shapes", default=8143, show_default=True)
@click.option("--scratch", type=click.Path(path_type=Path), help="folder to work in  [default: a temporary one]")
@click.option("--run", "name", type=click.Choice(RUNS), help="one run alone, as a process of its own does it")
def main(shapes: int, scratch: Path | None, name: str | None) -> None:
    """Print a table of the runs."""
    if name is not None and scratch is not None:
        click.echo(json.dumps(_run(scratch, name)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = scratch or Path(temporary)
        write_source(folder / "source", shapes)
        rows = []
        for run in RUNS:
            _prepare(folder / "source", run)
            command = [sys.executable, "-m", "benchmarks.scale", "--scratch", str(folder), "--run", run]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            made = ", ".join(f"{stage} {count}" for stage, count in told["made"].items() if count)
            rows.append([run, f"{told['seconds']:.1f}", f"{told['memory_mb']:.0f}", made or "nothing"])
    click.echo(aligned([["run", "s", "MB", "units made"], *rows]))


def _prepare(source: Path, run: str) -> None:
    folder = sorted(source.iterdir())[len(list(source.iterdir())) // 2]
    if run == "one shape repaired":
        change_file(folder / "objs" / "part_0.obj", "repaired")
    elif run == "one shape taken away":
        shutil.rmtree(folder)


def _run(scratch: Path, name: str) -> dict[str, object]:
    overrides = (BROKEN,) if name == RUNS[-1] else ()
    start = time.perf_counter()
    with stubs():
        run = stubbed_run(scratch / "source", scratch / "out", *overrides, overwrite=name == "one shape taken away")
        if name == "a dry run":
            made = {stage.stage: stage.to_make for stage in run.survey()}
        else:
            made = {stage.stage: stage.worked for stage in run.execute().stages}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.perf_counter() - start, "memory_mb": memory, "made": made}


if __name__ == "__main__":
    main()

"""Against BlenderProc: the same shape, views, lights, resolution, outputs, samples and denoiser on the same machine.

    python -m benchmarks.blenderproc --python BPROC_VENV/bin/python [--source partnet:DIR] [--shape ID]

BlenderProc needs a virtual environment of its own, outside this repository, with the version of bpy that the pipeline
uses (PyPI's BlenderProc 2.8.0 would download Blender 4.2; the worker gives it the module instead, without a change to
its code). With Python 3.11:

    python3.11 -m venv BPROC_VENV
    BPROC_VENV/bin/pip install blenderproc==2.8.0 'bpy>=4.5,<4.6' 'numpy<2' rich scipy scikit-image scikit-learn \
        trimesh imageio opencv-contrib-python gitpython pypng pytz

**What is compared.** Both give colour, depth and part ids of every view. The pipeline: choosing the views, casting
their rays, writing the job, drawing in a new Blender process (unwrapping and one reference view too), reading the
images. BlenderProc: a new process that loads one OBJ a part, unwraps, renders all views in one call with depth and
instance segmentation, reads and saves them; its cameras and files are given to it for nothing. All maps of materials
are there before. All views wear one texture id, because BlenderProc cannot change materials within a call. Both have
the same limits of bounces, light, threads and pixels; BlenderProc traces whole frames, it knows no other way.

**Equal samples.** OpenImageDenoise for both. BlenderProc's ``INTEL`` leaves the prefilter at ACCURATE; the pipeline's
is FAST. The rows ``INTEL FAST`` have that set by hand, so that the denoiser is the same; one row is as BlenderProc
comes.

**Equal quality.** PSNR over the object's pixels of each tool's images against its own, undenoised, at 1,024 samples:
the looks differ and need not agree. For every denoiser of each tool the samples that reach the target are found
(doubling or halving, then between the two by interpolation); the cheapest pair of each tool is timed.

**Seconds.** Medians over interleaved runs. ``views/s`` is end to end over all views. ``s/view`` is without start:
the difference between a run of all views and one of a few, over the difference of their numbers, for both alike;
``CPU s`` likewise in CPU seconds of all threads, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.blenderproc_tools import (
    Run,
    Setting,
    blenderproc_version,
    run_blenderproc,
    run_pipeline,
)
from benchmarks.subjects import Subject, load_subjects
from benchmarks.table import write_rows
from pipeline.errors import PipelineError
from pipeline.rendering.config import RenderConfig
from pipeline.views.config import ViewsConfig

PIPELINE, BLENDERPROC = "pipeline", "BlenderProc"
SAME_DENOISER, AS_IT_COMES = "INTEL FAST", "INTEL ACCURATE"
DENOISERS = {
    PIPELINE: get_args(RenderConfig.model_fields["denoise"].annotation),
    BLENDERPROC: ("none", SAME_DENOISER, AS_IT_COMES),
}
#: Views of the run that is subtracted to be rid of the start.
FEW = 2
FIRST_SAMPLES, MOST_SAMPLES = 8, 512
Draw = Callable[[Setting, int], Run]
Row = dict[str, Any]


def main(arguments: argparse.Namespace) -> None:
    """Check both tools, then both comparisons (or the one asked for); a table and a JSON file of each."""
    version = blenderproc_version(arguments.python)
    views = ViewsConfig(
        resolution=arguments.resolution, azimuths=2 * arguments.views, reference_views=1, surface_points=1
    )
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        maps, scratch = arguments.maps or Path(folder, "maps"), Path(folder, "source")
        subject = next(load_subjects(arguments.source, views, maps, scratch, arguments.shape))
        draw = _drawer(subject, arguments.python, arguments.threads)
        same = _same_views(draw, arguments.sheet)
        about: Row = {
            "BlenderProc": version,
            "shape": subject.shape.shape_id,
            "triangles": sum(len(part.mesh.faces) for part in subject.shape.parts),
            "parts": len(subject.shape.parts),
            "views": arguments.views,
            "resolution": arguments.resolution,
            "threads": arguments.threads,
            **same,
        }
        print(about, flush=True)
        if arguments.only in (None, "samples"):
            _report("blenderproc_equal_samples", equal_samples(draw, arguments), about)
        if arguments.only in (None, "quality"):
            _report("blenderproc_equal_quality", equal_quality(draw, arguments), about)


def equal_samples(draw: Draw, arguments: argparse.Namespace) -> dict[str, Row]:
    """Rows of both tools at the same sample counts; BlenderProc as it comes at the first count only."""
    settings = []
    for number, samples in enumerate(arguments.samples):
        settings.append(Setting(PIPELINE, samples, RenderConfig().denoise))
        settings.append(Setting(BLENDERPROC, samples, SAME_DENOISER))
        if number == 0:
            settings.append(Setting(BLENDERPROC, samples, AS_IT_COMES))
    rows = time_settings(draw, settings, arguments.views, arguments.repeats)
    for setting in settings:
        _compare(rows[str(setting)], rows[str(Setting(PIPELINE, setting.samples, RenderConfig().denoise))])
    return rows


def equal_quality(draw: Draw, arguments: argparse.Namespace) -> dict[str, Row]:
    """Rows of each tool's cheapest setting that reaches the target PSNR."""
    best = {}
    for tool, denoisers in DENOISERS.items():
        truth = draw(Setting(tool, arguments.reference_samples, "none"), arguments.quality_views)

        def quality(setting: Setting, truth: Run = truth) -> tuple[float, float]:
            run = draw(setting, arguments.quality_views)
            return psnr(run.colours, truth.colours, truth.part_ids > 0), run.seconds

        reaching = []
        for denoiser in denoisers:
            first = Setting(tool, FIRST_SAMPLES, denoiser)
            setting = find_samples(lambda s, q=quality: q(s)[0], first, arguments.target)  # type: ignore[misc]
            if setting:
                decibels, seconds = quality(setting)
                reaching.append((seconds, setting, decibels))
        if not reaching:
            raise PipelineError(f"{tool} does not reach {arguments.target:g} dB with {MOST_SAMPLES} samples")
        _, setting, decibels = min(reaching, key=lambda entry: entry[0])
        best[setting] = decibels
    rows = time_settings(draw, list(best), arguments.views, arguments.repeats)
    ours = next(row for setting, row in zip(best, rows.values(), strict=True) if setting.tool == PIPELINE)
    for (_, decibels), row in zip(best.items(), rows.values(), strict=True):
        row["psnr_db"] = decibels
        _compare(row, ours)
    return rows


def time_settings(draw: Draw, settings: Sequence[Setting], views: int, repeats: int) -> dict[str, Row]:
    """Median seconds of every setting, one run of each after the other, ``repeats`` times."""
    wall: dict[tuple[Setting, int], list[float]] = {}
    cpu: dict[tuple[Setting, int], list[float]] = {}
    for _ in range(repeats):
        for setting, count in itertools.product(settings, (FEW, views)):
            run = draw(setting, count)
            wall.setdefault((setting, count), []).append(run.seconds)
            cpu.setdefault((setting, count), []).append(run.cpu_seconds)
    return {
        str(setting): {
            "views_per_second": views / float(np.median(wall[setting, views])),
            "seconds_per_view_without_start": _slope(wall[setting, FEW], wall[setting, views], views),
            "cpu_seconds_per_view_without_start": _slope(cpu[setting, FEW], cpu[setting, views], views),
            "all_seconds": wall[setting, views],
        }
        for setting in settings
    }


def _slope(few: Sequence[float], many: Sequence[float], views: int) -> float:
    return float(np.median(many) - np.median(few)) / (views - FEW)


def find_samples(quality: Callable[[Setting], float], first: Setting, target: float) -> Setting | None:
    """The setting with about the fewest samples at which ``quality`` reaches ``target``, None if too many are needed.

    Samples double or halve until two neighbours lie on both sides of the target; between them PSNR is taken to
    grow with the logarithm of the samples.
    """
    below: tuple[int, float] | None = None
    above: tuple[int, float] | None = None
    samples = first.samples
    while below is None or above is None:
        reached = quality(replace(first, samples=samples))
        if reached >= target:
            above = (samples, reached)
            if samples == 1:
                return replace(first, samples=1)
        else:
            below = (samples, reached)
            if samples >= MOST_SAMPLES:
                return None
        samples = samples // 2 if above and not below else samples * 2 if below and not above else samples
    share = (target - below[1]) / (above[1] - below[1])
    exact = below[0] * (above[0] / below[0]) ** share
    return replace(first, samples=math.ceil(exact))


def psnr(image: NDArray[np.uint8], truth: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Decibels over the pixels of ``mask`` (n, H, W) of images (n, H, W, 3), all views together."""
    error = (image[mask].astype(float) - truth[mask].astype(float)) ** 2
    return float(10 * np.log10(255**2 / error.mean())) if error.any() else math.inf


def _drawer(subject: Subject, python: Path, threads: int) -> Draw:
    """Draws with the setting's tool and says so, with the time: a long run can be watched."""

    def draw(setting: Setting, count: int) -> Run:
        if setting.tool == PIPELINE:
            run = run_pipeline(subject, setting, count, threads)
        else:
            run = run_blenderproc(python, subject, setting, count, threads)
        inside = [f"{name} {value:.1f}" for name, value in run.inside.items()]
        print(
            f"{time.strftime('%H:%M:%S')}  {setting}, {count} views: {run.seconds:.1f} s, CPU {run.cpu_seconds:.1f} s",
            *inside,
            flush=True,
        )
        return run

    return draw


def _same_views(draw: Draw, sheet: Path | None) -> Row:
    """How far both tools see the same thing at the object's pixels; both pictures of the first view in ``sheet``."""
    samples = FIRST_SAMPLES
    ours = draw(Setting(PIPELINE, samples, RenderConfig().denoise), FEW)
    theirs = draw(Setting(BLENDERPROC, samples, SAME_DENOISER), FEW)
    same = (ours.part_ids == theirs.part_ids) & (ours.part_ids > 0)
    if sheet:
        Image.fromarray(np.hstack([*ours.colours, *theirs.colours])).save(sheet)
    error = np.abs(theirs.depth[same] - ours.depth[same]) / ours.depth[same]
    agreement = same.sum() / ((ours.part_ids > 0) | (theirs.part_ids > 0)).sum()
    return {"part_id_agreement": float(agreement), "median_relative_depth_difference": float(np.median(error))}


def _compare(row: Row, ours: Row) -> None:
    """Add how many times as fast the pipeline is, end to end and without start."""
    row["speedup"] = ours["views_per_second"] / row["views_per_second"]
    for seconds in ("seconds_per_view_without_start", "cpu_seconds_per_view_without_start"):
        row[seconds.replace("seconds_per_view", "speedup")] = row[seconds] / ours[seconds]


def _report(name: str, rows: dict[str, Row], about: Row) -> None:
    """Print the table and write it as JSON, with ``about`` as its first entry."""
    print(f"{name}\n{'':40}{'':9}{'without start':^18}{'pipeline is faster by, in':^30}")
    print(f"{'':40}{'views/s':>9}{'s/view':>9}{'CPU s':>9}{'views/s':>10}{'s/view':>10}{'CPU s':>10}{'PSNR dB':>9}")
    for setting, row in rows.items():
        speeds = (row["views_per_second"], *(row[f"{kind}seconds_per_view_without_start"] for kind in ("", "cpu_")))
        ratios = (row["speedup"], *(row[f"{kind}speedup_without_start"] for kind in ("", "cpu_")))
        cells = "".join(f"{value:9.3f}" for value in speeds) + "".join(f"{value:10.2f}" for value in ratios)
        print(f"{setting:40}{cells}{row.get('psnr_db', math.nan):9.2f}")
    write_rows(name, {"about": about, **rows})


def _parse(words: Iterable[str]) -> argparse.Namespace:
    partnet = os.environ.get("L3D_PARTNET")
    parser = argparse.ArgumentParser(description="The pipeline against BlenderProc.")
    parser.add_argument("--python", type=Path, required=True, help="interpreter of BlenderProc's environment")
    parser.add_argument("--source", default=f"partnet:{partnet}" if partnet else "synthetic:1", help="as l3d-gen's")
    parser.add_argument("--shape", help="shape id; the source's first by default")
    parser.add_argument("--only", choices=("samples", "quality"), help="one of the two comparisons")
    parser.add_argument("--views", type=int, default=22, help=f"more than {FEW}")
    parser.add_argument("--quality-views", type=int, default=2, help="views over which PSNR is measured")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--samples", type=int, nargs="+", default=[16, 64], help="of the comparison at equal samples")
    parser.add_argument("--reference-samples", type=int, default=1024)
    parser.add_argument("--target", type=float, default=36.0, help="PSNR in dB")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--maps", type=Path, help="folder that keeps the materials' maps for the next time")
    parser.add_argument("--sheet", type=Path, help="PNG to write: two views, by the pipeline at the left")
    return parser.parse_args(list(words))


if __name__ == "__main__":
    try:
        main(_parse(sys.argv[1:]))
    except PipelineError as error:
        sys.exit(f"benchmarks.blenderproc: {error}")

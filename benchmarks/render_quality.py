"""Image quality against time, for numbers of samples and the denoiser's settings.

    L3D_PARTNET=<folder> python -m benchmarks.render_quality [--scenes 12] [--reference-samples 2048]

One view of each chair, each in another light and other materials, against the same without denoiser at 2,048 samples:
PSNR and SSIM of the whole image, as the dataset stores it, and PSNR of the object's pixels alone. Seconds are CPU
seconds of the render call with all that the scene needs loaded, the least of two; Blender's start is in
``benchmarks.render_share``. Without L3D_PARTNET the chairs are synthetic.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmarks.subjects import Subject, load_subjects, usual_source
from benchmarks.table import write_rows
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import write_job
from pipeline.views.config import ViewsConfig

SAMPLES = (4, 8, 12, 16, 32)
DENOISERS = ("none", "fast", "high")
#: What the default must reach against the reference.
PSNR, SSIM = 36.0, 0.97
REPEATS = 2
LIGHTS = ("the front", "the back", "the left", "the right", "the top", "the bottom")


@dataclass(frozen=True)
class Score:
    psnr: float
    ssim: float
    object_psnr: float
    seconds: float


def main(scenes: int, reference_samples: int, maps: Path | None) -> None:
    """Draw all scenes with all settings; print a line a scene, then the table."""
    scores: dict[tuple[str, int], list[Score]] = defaultdict(list)
    views = ViewsConfig(reference_views=1, surface_points=1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subjects = load_subjects(usual_source(scenes), views, maps or folder / "maps", folder / "source")
        for number, subject in enumerate(islice(subjects, scenes)):
            light = number % len(LIGHTS)
            for setting, score in _scores(subject, light, reference_samples, folder):
                scores[setting].append(score)
            print(f"{subject.shape.shape_id}: drawn, lit from {LIGHTS[light]}", flush=True)
    _report(scores)


def _scores(
    subject: Subject, light: int, reference_samples: int, folder: Path
) -> Iterator[tuple[tuple[str, int], Score]]:
    [view] = subject.choose_views(1)
    job = write_job(
        folder, subject.job([replace(view, light=light)]), subject.views, RenderConfig(), os.cpu_count() or 1
    )
    settings = [(samples, denoise) for denoise in DENOISERS for samples in SAMPLES]
    tasks, out = folder / "settings.json", folder / "out.npz"
    tasks.write_text(json.dumps([(reference_samples, "none", 1), *((*s, REPEATS) for s in settings)]), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.render_worker", "quality", str(job), str(out), str(tasks)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with np.load(out) as archive:
        (reference, *images), (_, *times) = archive["images"], archive["cpu_seconds"]
    mask = view.object_mask > 0
    for (samples, denoise), image, seconds in zip(settings, images, times, strict=True):
        error = float(((image[mask].astype(float) - reference[mask]) ** 2).mean())
        yield (
            (denoise, samples),
            Score(
                psnr=float(peak_signal_noise_ratio(reference, image)),
                ssim=float(structural_similarity(reference, image, channel_axis=2)),
                object_psnr=float(10 * np.log10(255**2 / error)),
                seconds=float(seconds),
            ),
        )


def _report(scores: dict[tuple[str, int], list[Score]]) -> None:
    rows: dict[str, dict[str, object]] = {}
    print(
        f"{'denoiser, samples':20}{'PSNR mean':>10}{'least':>8}{'SSIM mean':>11}{'least':>8}{'object':>8}{'CPU s':>8}"
    )
    for (denoise, samples), row in sorted(scores.items()):
        psnr, ssim, own, seconds = np.array([[s.psnr, s.ssim, s.object_psnr, s.seconds] for s in row]).T
        passes = psnr.min() >= PSNR and ssim.min() >= SSIM
        print(
            f"{f'{denoise}, {samples}':20}{psnr.mean():10.1f}{psnr.min():8.1f}{ssim.mean():11.4f}{ssim.min():8.4f}"
            f"{own.mean():8.1f}{np.median(seconds):8.2f}{'  passes on every scene' if passes else ''}"
        )
        rows[f"{denoise}, {samples}"] = {
            "psnr": psnr.tolist(),
            "ssim": ssim.tolist(),
            "object_psnr": own.tolist(),
            "cpu_seconds": seconds.tolist(),
        }
    write_rows("render_quality", rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--reference-samples", type=int, default=2048)
    parser.add_argument("--maps", type=Path, help="folder that keeps the materials' maps between runs")
    arguments = parser.parse_args()
    main(arguments.scenes, arguments.reference_samples, arguments.maps)

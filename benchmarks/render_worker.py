"""Draws the first query of a job with several settings in one Blender process: run by ``benchmarks.render_quality``.

    python -m benchmarks.render_worker JOB.json SETTINGS.json OUT.npz

SETTINGS: [[samples, denoise, repeats], …]. OUT: ``images`` (n, S, S, 3) uint8 and ``cpu_seconds`` (n,), the least of
the repeats. A process of its own, because Blender and the ray caster bring two libraries of the same name.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from blender_scripts.render import Renderer


def main(job_path: Path, settings_path: Path, out: Path) -> None:
    """Draw and measure; the first drawing, which loads textures, is not counted."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    images, seconds = [], []
    with tempfile.TemporaryDirectory() as scratch:
        renderer = Renderer(job, Path(scratch))
        next(renderer.images())
        for samples, denoise, repeats in json.loads(settings_path.read_text(encoding="utf-8")):
            job["settings"].update(samples=samples, denoise=denoise)
            times = []
            for _ in range(repeats):
                start = time.process_time()
                _, _, image = next(renderer.images())
                times.append(time.process_time() - start)
            images.append(image)
            seconds.append(min(times))
    np.savez(out, images=np.array(images), cpu_seconds=np.array(seconds))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))

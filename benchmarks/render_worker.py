"""What the benchmarks of rendering do inside Blender.

A process of its own, because Blender and the ray caster bring two libraries of the same name.

    python -m benchmarks.render_worker TASK JOB.json OUT.npz [SETTINGS.json]

TASK and what OUT then holds:

- ``quality``: the first query with several settings, SETTINGS being [[samples, denoise, repeats], …]: ``images``
  (n, S, S, 3) uint8 and ``cpu_seconds`` (n,), the least of the repeats; textures are loaded before.
- ``share``: the whole job: ``inside``, the seconds that Blender spent rendering.
- ``memory``: the whole job: ``resident`` (n,), bytes after each image.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from blender_scripts.render import Renderer

Job = dict[str, Any]
Found = Mapping[str, Any]


def quality(job: Job, scratch: Path, settings: list[tuple[int, str, int]]) -> Found:
    renderer = Renderer(job, scratch)
    next(renderer.images())
    images, seconds = [], []
    for samples, denoise, repeats in settings:
        job["settings"].update(samples=samples, denoise=denoise)
        times = []
        for _ in range(repeats):
            start = time.process_time()
            _, _, image = next(renderer.images())
            times.append(time.process_time() - start)
        images.append(image)
        seconds.append(min(times))
    return {"images": np.array(images), "cpu_seconds": np.array(seconds)}


class Timed(Renderer):
    """Counts the seconds ``inside`` Blender's render call, its image's writing and reading included."""

    inside = 0.0

    def _render(self, *arguments: Any, **options: Any) -> np.ndarray:
        start = time.perf_counter()
        image = super()._render(*arguments, **options)
        self.inside += time.perf_counter() - start
        return image


def share(job: Job, scratch: Path) -> Found:
    renderer = Timed(job, scratch)
    for _ in renderer.images():
        pass
    return {"inside": renderer.inside}


def memory(job: Job, scratch: Path) -> Found:
    page = os.sysconf("SC_PAGE_SIZE")
    resident = [
        page * int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        for _ in Renderer(job, scratch).images()
    ]
    return {"resident": np.array(resident)}


def main(task: str, job_path: Path, out: Path, settings: Path | None = None) -> None:
    """Do one task and write what it found."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        if task == "quality" and settings:
            found = quality(job, Path(scratch), json.loads(settings.read_text(encoding="utf-8")))
        else:
            found = {"share": share, "memory": memory}[task](job, Path(scratch))
    np.savez(out, **found)


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:]))

"""Where a shape's time goes, and what memory does.

    L3D_PARTNET=<folder> python -m benchmarks.render_cost

*Share*: of the wall time of a chair's whole render stage (writing the job, Blender's start, unwrapping, 22 query
images, 20 reference views, storing), how much Blender spends rendering: synchronising, tracing, denoising.
*Memory*: resident bytes of one Blender process over 300 query images of one chair, each in other materials.
Without L3D_PARTNET the chairs are synthetic.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.subjects import Subject, load_subjects, usual_source
from benchmarks.table import write_rows
from pipeline.blender import FRUGAL
from pipeline.rendering.blender import draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import write_job
from pipeline.rendering.storage import save_drawn
from pipeline.views.config import ViewsConfig

QUERIES, IMAGES = 22, 300
#: Images after which everything that is loaded once has been.
WARM = 30
TIMEOUT_SECONDS = 900.0


def main(chairs: int, maps: Path | None) -> None:
    """Both tables, and their JSON."""
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subjects = load_subjects(usual_source(chairs), ViewsConfig(), maps or folder / "maps", folder / "source")
        print(f"{'shape':12}{'faces':>9}{'wall s':>9}{'inside s':>10}{'share':>8}")
        for subject in islice(subjects, chairs):
            row = _share(subject, folder)
            rows[subject.shape.shape_id] = asdict(row)
            print(
                f"{subject.shape.shape_id:12}{row.faces:9}{row.wall:9.1f}{row.inside:10.1f}{row.share:8.1%}", flush=True
            )
        resident = _resident(subject, folder)
    warm = resident[WARM:]
    print(
        f"resident MB after image {WARM}: {resident[WARM] / 1e6:.0f}, after {IMAGES}: {resident[-1] / 1e6:.0f}; "
        f"most {warm.max() / 1e6:.0f}, which is {warm.max() / warm[0] - 1:+.1%}"
    )
    rows["memory"] = {"resident": resident.tolist()}
    write_rows("render_cost", rows)


@dataclass(frozen=True)
class Cost:
    """Seconds of one chair's render stage, and those of them that Blender spent rendering."""

    faces: int
    wall: float
    inside: float

    @property
    def share(self) -> float:
        return self.inside / self.wall


def _share(subject: Subject, folder: Path) -> Cost:
    """The stage's work as it is done, then the same job once more with a clock inside Blender."""
    views = subject.choose_views(QUERIES // 2)
    views += [replace(view, light=(view.light + 1) % 6) for view in views]
    drawing = subject.job(views)
    start = time.perf_counter()
    job = write_job(folder, drawing, subject.views, RenderConfig(), os.cpu_count() or 1)
    save_drawn(folder / "drawn.h5", draw(job, TIMEOUT_SECONDS))
    wall = time.perf_counter() - start
    faces = sum(len(part.mesh.faces) for part in subject.shape.parts)
    return Cost(faces, wall, float(_work("share", job, folder)["inside"]))


def _resident(subject: Subject, folder: Path) -> NDArray[np.int64]:
    """(IMAGES,) resident bytes after each query image; a texture of its own for each."""
    views = subject.choose_views(QUERIES // 2)
    views = [replace(views[number % len(views)], texture=number) for number in range(IMAGES)]
    render = RenderConfig(samples=1)
    job = write_job(folder, subject.job(views), subject.views, render, os.cpu_count() or 1)
    # An image and its part ids are two renders.
    return np.asarray(_work("memory", job, folder)["resident"][1 : 2 * IMAGES : 2])


def _work(task: str, job: Path, folder: Path) -> dict[str, NDArray[Any]]:
    out = folder / "out.npz"
    command = [sys.executable, "-m", "benchmarks.render_worker", task, str(job), str(out)]
    subprocess.run(
        command, check=True, env={**os.environ, **FRUGAL}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with np.load(out) as archive:
        return dict(archive)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chairs", type=int, default=4)
    parser.add_argument("--maps", type=Path, help="folder that keeps the materials' maps between runs")
    arguments = parser.parse_args()
    main(arguments.chairs, arguments.maps)

"""The two sides of ``benchmarks.blenderproc``: the same views of a shape, drawn by the pipeline and by BlenderProc."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.subjects import Subject
from pipeline.appearance.assignment import assign_materials
from pipeline.errors import PipelineError
from pipeline.rendering.blender import draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Surface, write_job
from pipeline.views.select import View

WORKER = Path(__file__).with_name("blenderproc_worker.py")
#: BlenderProc cannot change materials between the frames of one render call: all views wear this texture id.
TEXTURE = 0
#: The pipeline's six light set-ups (+Y up), its light and its limits of bounces, given to BlenderProc.
LIGHTS = ((0, 0, 5), (0, 0, -5), (-5, 0, 0), (5, 0, 0), (0, 5, 0), (0, -5, 0))
LIGHT = {"energy": 450.0, "radius": 1.2}
BOUNCES = {"max_bounces": 4, "diffuse_bounces": 2, "glossy_bounces": 3}
WORLD = 1.0
TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True)
class Setting:
    """One tool's way to draw. denoiser: the pipeline's ``render.denoise``; BlenderProc's, with its prefilter."""

    tool: str
    samples: int
    denoiser: str

    def __str__(self) -> str:
        return f"{self.tool}, {self.samples} samples, {self.denoiser}"


@dataclass(frozen=True)
class Run:
    """What one run gave. seconds: wall time of everything, the process' start included; cpu_seconds: of all threads
    and processes in it; colours (n, S, S, 3) uint8;
    depth (n, S, S) float32 and part_ids (n, S, S) uint16; inside: what BlenderProc's process says of its own time."""

    seconds: float
    cpu_seconds: float
    colours: NDArray[np.uint8]
    depth: NDArray[np.float32]
    part_ids: NDArray[np.uint16]
    inside: Mapping[str, float] = field(default_factory=dict)


def run_pipeline(subject: Subject, setting: Setting, count: int, threads: int) -> Run:
    """The pipeline's way: choose views, cast rays for depth and ids, write the job, draw it in a Blender process."""
    render = RenderConfig.model_validate({"samples": setting.samples, "denoise": setting.denoiser})
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        clock = _Clock()
        views = _views(subject, count)
        drawn = draw(write_job(Path(folder), subject.job(views), subject.views, render, threads), TIMEOUT_SECONDS)
        seconds = clock.read()
    depth, part_ids = (np.stack([getattr(view.image, name) for view in views]) for name in ("depth", "part_ids"))
    return Run(*seconds, drawn.query, depth, part_ids)


def run_blenderproc(python: Path, subject: Subject, setting: Setting, count: int, threads: int) -> Run:
    """BlenderProc's way; its cameras, part files and job are there before the clock starts."""
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        job, out = Path(folder, "job.json"), Path(folder, "drawn.npz")
        job.write_text(
            json.dumps(_blenderproc_job(subject, setting, _views(subject, count), threads, Path(folder))),
            encoding="utf-8",
        )
        clock = _Clock()
        _run_worker(python, [str(job), str(out)])
        with np.load(out, allow_pickle=False) as archive:
            colours, depth, part_ids = (archive[name] for name in ("colors", "depth", "part_ids"))
            inside = {name: float(archive[name]) for name in ("setup_seconds", "render_seconds")}
        return Run(*clock.read(), colours, depth, part_ids, inside)


def blenderproc_version(python: Path) -> str:
    """Versions of BlenderProc and bpy in that environment; raises PipelineError if it cannot run them."""
    return _run_worker(python, ["--version"]).strip().splitlines()[-1]


class _Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = self._now()

    def read(self) -> tuple[float, float]:
        """Wall seconds, and CPU seconds of this process and its children that have ended."""
        wall, cpu = self._now()
        return wall - self._start[0], cpu - self._start[1]

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), sum(os.times()[:4])


def _run_worker(python: Path, arguments: Sequence[str]) -> str:
    """Output of the worker in its own environment. ``-P``: no module of ours may stand in for one of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [python, "-P", WORKER, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_SECONDS,
            check=False,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise PipelineError(f"{python} cannot be run ({error}); make it as benchmarks/blenderproc.py says") from error
    if done.returncode != 0:
        last = (done.stdout.strip() or "no output").splitlines()[-1]
        raise PipelineError(
            f"{python} cannot run BlenderProc (status {done.returncode}: {last}); "
            "make the environment as benchmarks/blenderproc.py says"
        )
    return done.stdout


def _views(subject: Subject, count: int) -> list[View]:
    return [replace(view, texture=TEXTURE) for view in subject.choose_views(count)]


def _blenderproc_job(
    subject: Subject, setting: Setting, views: Sequence[View], threads: int, folder: Path
) -> Mapping[str, object]:
    """The job of ``blenderproc_worker.py``; writes one OBJ a part into ``folder``."""
    worn = assign_materials(subject.shape, TEXTURE, subject.library, 0).materials
    parts = []
    for part in subject.shape.parts:
        path = folder / f"{part.name}.obj"
        part.mesh.export(path, include_normals=False, include_texture=False)
        parts.append({"part_id": part.part_id, "mesh": str(path), "material": worn[part.part_id]})
    denoiser, _, prefilter = setting.denoiser.partition(" ")
    return {
        "parts": parts,
        "materials": {name: _textures(surface) for name, surface in subject.surfaces(list(worn.values())).items()},
        "ground": min(float(part.mesh.vertices[:, 1].min()) for part in subject.shape.parts),
        "views": [
            {
                "K": view.camera.K.tolist(),
                "world_to_camera": view.camera.world_to_camera.tolist(),
                "light": LIGHTS[view.light],
            }
            for view in views
        ],
        "light": LIGHT,
        "world": WORLD,
        "settings": {
            "resolution": subject.views.resolution,
            "samples": setting.samples,
            "denoiser": None if denoiser == "none" else denoiser,
            "prefilter": prefilter,
            "bounces": BOUNCES,
            "threads": threads,
        },
    }


def _textures(surface: Surface) -> dict[str, object]:
    names = ("base_color", "roughness", "metallic", "normal")
    return {**{name: str(getattr(surface.maps, name).resolve()) for name in names}, "tile_size": surface.tile_size}

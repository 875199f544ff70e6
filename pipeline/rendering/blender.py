"""Driving Blender: one process a shape, so that a crash costs one shape and memory cannot creep."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError

#: Folder that holds the ``blender_scripts`` package.
ROOT = Path(__file__).resolve().parents[2]
_LOG_TAIL = 1500


@dataclass(frozen=True)
class Drawn:
    """query (N,S,S,3) uint8; index (N,S,S) uint16, Blender's own part ids; reference (V,S,S) uint8.

    plain: (N,S,S,3) uint8, the query without its anomaly's change of appearance; zeros for queries that have
    none, (0,S,S,3) where no query has any.
    """

    query: NDArray[np.uint8]
    plain: NDArray[np.uint8]
    index: NDArray[np.uint16]
    reference: NDArray[np.uint8]


def draw(job: Path, timeout_seconds: float) -> Drawn:
    """Run Blender on a job file and return its images.

    Raises PipelineError with the end of Blender's log: a crash says nothing against the shape, so the
    unit is tried again.
    """
    out = job.with_name("drawn.npz")
    command = [sys.executable, "-m", "blender_scripts.render", str(job), str(out)]
    # The user's own Blender add-ons and start-up files must not reach the renders.
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(job.parent), "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PipelineError(f"Blender needed more than {timeout_seconds:g} s; raise render.timeout_seconds") from error
    if done.returncode != 0 or not out.is_file():
        tail = done.stdout.decode(errors="replace")[-_LOG_TAIL:]
        raise PipelineError(f"Blender ended with status {done.returncode}:\n{tail}")
    with np.load(out, allow_pickle=False) as archive:
        return Drawn(**{field.name: archive[field.name] for field in fields(Drawn)})

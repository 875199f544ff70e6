"""Driving Blender: one process a shape, so that a crash costs one shape and memory cannot creep."""

from __future__ import annotations

import json
import logging
import queue
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.blender import blender_command, blender_environment
from pipeline.errors import PipelineError
from pipeline.rendering.devices import Device
from pipeline.streaming import receive

_logger = logging.getLogger(__name__)

#: Characters of a message's share of the log.
_LONGEST = 500


@dataclass(frozen=True)
class Drawn:
    """query (N,S,S,3) uint8; index (N,S,S) uint16, Blender's own part ids; reference (V,S,S) uint8.

    counterfactual: (M,S,S,3) uint8, those queries on the intact shape for which it was asked;
    counterfactual_of: (M,) int64, which rows of ``query`` they are.
    """

    query: NDArray[np.uint8]
    index: NDArray[np.uint16]
    reference: NDArray[np.uint8]
    counterfactual: NDArray[np.uint8]
    counterfactual_of: NDArray[np.int64]


@dataclass(frozen=True)
class _Image:
    kind: str
    of: int
    pixels: NDArray[Any]
    device: Device


def draw(job: Path, limit_seconds: float, log: Path | None = None) -> Drawn:
    """Run Blender on a job file and return its images.

    ``limit_seconds`` is how long any one image may take, the first with Blender's start. What Blender says is written
    to the end of ``log`` (beside the job file without one), which stays only if something goes wrong. If it draws on
    another device than the job's, that is warned of.

    Raises PipelineError with the log's last line: a crash says nothing against the shape, so the unit is tried again.
    """
    log = log or job.with_name("blender.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        with log.open("ab") as said:
            said.write(b"\n== once more\n")
    with (
        log.open("ab") as said,
        subprocess.Popen(
            blender_command("render", job),
            env=blender_environment(job.parent),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):
        try:
            images = list(_receive(process, limit_seconds, log))
        finally:
            process.kill()
    if process.returncode:
        raise PipelineError(f"Blender {_end(process.returncode)}; {_last_words(log)}")
    log.unlink()
    settings = json.loads(job.read_text(encoding="utf-8"))["settings"]
    _warn_of_other_devices(images, Device(**settings["device"]))
    return _collect(images, settings["resolution"])


def _receive(process: subprocess.Popen[bytes], limit_seconds: float, log: Path) -> Iterator[_Image]:
    """The images as they arrive, until Blender has ended. Raises PipelineError when one is late."""
    assert process.stdout is not None
    arrived: queue.SimpleQueue[_Image | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, arrived), daemon=True).start()
    count = 0
    try:
        while (image := arrived.get(timeout=limit_seconds)) is not None:
            count += 1
            yield image
        process.wait(limit_seconds)
    except (queue.Empty, subprocess.TimeoutExpired) as error:
        raise PipelineError(
            f"Blender was stopped: nothing came for {limit_seconds:g} s after {count} images; if the machine is just "
            f"slow, raise render.timeout_seconds; {_last_words(log)}"
        ) from error


def _read(stream: IO[bytes], arrived: queue.SimpleQueue[_Image | None]) -> None:
    """Put every whole image of ``stream`` into ``arrived``, and None at its end.

    A process may die amid an image or its header, which its status tells.
    """
    try:
        while (message := receive(stream)) is not None:
            entry, (pixels,) = message
            arrived.put(_Image(entry["kind"], entry["of"], pixels, Device(**entry["device"])))
    finally:
        arrived.put(None)


def _warn_of_other_devices(images: Sequence[_Image], wanted: Device) -> None:
    for device in sorted({image.device for image in images} - {wanted}, key=str):
        _logger.warning("render: Blender was to draw on %s, and drew on %s: is the driver well?", wanted, device)


def _collect(images: list[_Image], size: int) -> Drawn:
    by_kind: dict[str, list[_Image]] = defaultdict(list)
    for image in images:
        by_kind[image.kind].append(image)

    def stack(kind: str, *channels: int, dtype: type = np.uint8) -> NDArray[Any]:
        return np.array([image.pixels for image in by_kind[kind]], dtype=dtype).reshape(-1, size, size, *channels)

    return Drawn(
        query=stack("query", 3),
        index=stack("index", dtype=np.uint16),
        reference=stack("reference"),
        counterfactual=stack("counterfactual", 3),
        counterfactual_of=np.array([image.of for image in by_kind["counterfactual"]], dtype=np.int64),
    )


def _end(status: int) -> str:
    """How a process ended that did not succeed; a negative status is a signal."""
    if status >= 0:
        return f"ended with status {status}"
    why = " (by hand, or for lack of memory)" if status == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-status).name}{why}"


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
    return f"all it said is in {log}, last: {last[-_LONGEST:]}"

"""What Blender draws on: GPUs of one kind, one process each, or the CPU."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pipeline.blender import blender_command, blender_environment
from pipeline.digests import digest
from pipeline.files import locked
from pipeline.rendering.config import DeviceKind

log = logging.getLogger(__name__)

#: Kinds of GPU, the fastest first: OptiX before CUDA on the same card.
GPU_KINDS = tuple(kind for kind in get_args(DeviceKind) if kind not in ("AUTO", "CPU"))
#: Some drivers take a minute to wake up.
PROBE_SECONDS = 180.0
_POLL_SECONDS = 0.1
#: Which GPUs of this machine draw: locks, in one place for all runs, wherever each has its temporary files.
CLAIMS = Path("/tmp") / f"l3d-devices-{os.getuid()}"


@dataclass(frozen=True)
class Device:
    """kind: as in ``render.device``; id: as Cycles tells devices of one kind apart; name: as people do."""

    kind: str
    id: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


CPU = Device("CPU")


def find_devices() -> tuple[Device, ...]:
    """The GPUs that Blender finds on this machine; none, and a warning, where it cannot look."""
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        command, environment = blender_command("devices"), blender_environment(Path(folder))
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=PROBE_SECONDS, check=True)
            return tuple(Device(**entry) for entry in json.loads(done.stdout))
        except subprocess.TimeoutExpired:
            log.warning("render: looking for GPUs took more than %g s (a hanging driver?); none is used", PROBE_SECONDS)
        except (subprocess.CalledProcessError, ValueError, TypeError) as error:
            log.warning("render: looking for GPUs failed (a broken driver?); none is used: %s", error)
    return ()


def choose(wanted: DeviceKind, present: Sequence[Device]) -> tuple[Device, ...]:
    """All devices of the wanted kind, for ``AUTO`` of the best kind there is; the CPU alone without any.

    A kind that is asked for by name and missing is warned of.
    """
    kinds = GPU_KINDS if wanted == "AUTO" else (wanted,)
    for kind in kinds:
        if chosen := tuple(device for device in present if device.kind == kind):
            return chosen
    if wanted not in ("AUTO", "CPU"):
        others = ", ".join(sorted({str(device) for device in present})) or "no GPU"
        log.warning("render: render.device=%s, but Blender finds %s here; drawing on the CPU instead", wanted, others)
    return (CPU,)


@contextmanager
def claimed(devices: Sequence[Device], folder: Path = CLAIMS) -> Iterator[Device]:
    """One of the devices, for this process alone while the block lasts; waits for a free one. The CPU is everybody's.

    A claim is a lock on a file in ``folder``, one for all runs on this machine, so that it ends with its process,
    however that ends.
    """
    if CPU in devices:
        yield CPU
        return
    while True:
        for device in devices:
            stream = locked(folder / f"{digest(device.kind, device.id)}.lock")
            if stream is not None:
                with stream:
                    yield device
                return
        time.sleep(_POLL_SECONDS)

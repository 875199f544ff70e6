"""What Cycles can draw on: ``python -m blender_scripts.devices > DEVICES.json`` lists every GPU under each of its
kinds (an NVIDIA card is an OPTIX and a CUDA device), as {"kind", "id", "name"}.

It is a process of its own because looking for devices loads every vendor's driver, and drivers crash.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import bpy

from pipeline.processes import end_with_parent

CPU = {"kind": "CPU", "id": "", "name": ""}


def present() -> list[dict[str, str]]:
    """Every GPU that Cycles finds, once under each of its kinds."""
    cycles = _preferences()
    kinds = [kind for kind, *_ in cycles.get_device_types(bpy.context) if kind != "NONE"]
    found = [device for kind in kinds for device in cycles.get_device_list(kind) if device[1] == kind]
    return [{"kind": kind, "id": id_, "name": name} for name, kind, id_, *_ in found]


def enable(scene: Any, device: Mapping[str, str]) -> None:
    """Have ``scene`` drawn, and denoised where it can be, on one device alone; on the CPU where that is not there."""
    if device not in present():
        return
    cycles = _preferences()
    cycles.compute_device_type = device["kind"]
    for entry in cycles.devices:
        entry.use = (entry.type, entry.id) == (device["kind"], device["id"])
    scene.cycles.device = "GPU"
    scene.cycles.denoising_use_gpu = cycles.has_oidn_gpu_devices()


def in_use(scene: Any) -> dict[str, str]:
    """What Cycles draws ``scene`` on. By its own rule it takes the CPU, silently, where no chosen device is there."""
    cycles = _preferences()
    if scene.cycles.device != "GPU" or not cycles.has_active_device():
        return CPU
    kind = cycles.compute_device_type
    [entry] = [entry for entry in cycles.devices if entry.use and entry.type == kind]
    return {"kind": kind, "id": entry.id, "name": entry.name}


def _preferences() -> Any:
    return bpy.context.preferences.addons["cycles"].preferences


if __name__ == "__main__":
    end_with_parent()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Blender and drivers talk to standard output
    with out:
        json.dump(present(), out)

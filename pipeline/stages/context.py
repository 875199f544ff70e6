"""What every stage is given."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.config import Config
from pipeline.layout import Layout
from pipeline.rendering.devices import CPU, Device


@dataclass(frozen=True)
class Context:
    """``threads`` of the CPU, and one of ``devices``, are what Blender may use for one shape; without any, one of those
    of the machine that draws it.

    preset: what the settings began with, to be noted in ``dataset.json``.
    """

    config: Config
    layout: Layout
    threads: int
    devices: tuple[Device, ...] = (CPU,)
    preset: str = ""

"""The settings that a dataset carries."""

from __future__ import annotations

from typing import Any

from pipeline.config import Config
from pipeline.shapes.sources import placeless


def content_settings(config: Config) -> dict[str, Any]:
    """The settings that a dataset carries: what it holds depends on them, not on the machine that made it.

    Left out are time limits, devices, and where PartNet lies.
    """
    settings = config.model_dump(mode="json")
    del settings["importing"], settings["render"]["timeout_seconds"], settings["render"]["device"]
    settings["source"] = placeless(config.source)
    return settings

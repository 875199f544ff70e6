"""Starting Blender: Python processes that import ``blender_scripts``, apart from the user's own set-up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Folder that holds the ``blender_scripts`` package.
ROOT = Path(__file__).resolve().parents[1]
#: glibc's allocator would keep what textures leave behind: 558 MB after 90 images, with these 357 (docs/results.md).
FRUGAL = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "1000000"}


def blender_command(script: str, *arguments: str | Path) -> list[str]:
    """The command that runs ``blender_scripts/<script>.py``. Modules in the current folder are not seen (``-P``)."""
    return [sys.executable, "-P", "-m", f"blender_scripts.{script}", *map(str, arguments)]


def blender_environment(home: Path) -> dict[str, str]:
    """This process's variables, but Blender's own files in ``home``: no add-ons and start-up files of the user's."""
    return {**os.environ, **FRUGAL, "BLENDER_USER_RESOURCES": str(home), "PYTHONPATH": str(ROOT)}

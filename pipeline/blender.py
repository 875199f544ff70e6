"""Starting Blender: processes that run a module of ``blender_scripts``, which alone import ``bpy``."""

from __future__ import annotations

from pathlib import Path

from pipeline.processes import module_command, module_environment

#: glibc's allocator would keep what textures leave behind: 558 MB after 90 images, with these 357 (docs/results.md).
FRUGAL = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "1000000"}


def blender_command(script: str, *arguments: str | Path) -> list[str]:
    """The command that runs ``blender_scripts/<script>.py``."""
    return module_command(f"blender_scripts.{script}", *arguments)


def blender_environment(home: Path) -> dict[str, str]:
    """This process's variables, but Blender's own files in ``home``: no add-ons and start-up files of the user's."""
    return module_environment({**FRUGAL, "BLENDER_USER_RESOURCES": str(home)})

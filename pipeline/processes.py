"""Starting Python processes of the project's own, apart from the user's set-up: what is GPL runs in these alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

#: Folder that holds the packages of scripts.
ROOT = Path(__file__).resolve().parents[1]


def module_command(module: str, *arguments: str | Path | float) -> list[str]:
    """The command that runs a module as a program. Modules in the current folder are not seen (``-P``)."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def module_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's variables and ``more``."""
    return {**os.environ, **more, "PYTHONPATH": str(ROOT)}

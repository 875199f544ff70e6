"""Python processes of the project's own, apart from the user's set-up, and none outliving its run.

What is GPL runs in such ones alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

#: Folder that holds the packages of scripts.
ROOT = Path(__file__).resolve().parents[1]
#: The variable that tells a process who started it.
PARENT = "L3D_PARENT"
#: prctl(2): have the kernel send a signal when the parent ends.
_PR_SET_PDEATHSIG = 1


def module_command(module: str, *arguments: str | Path | float) -> list[str]:
    """The command that runs a module as a program. Modules in the current folder are not seen (``-P``)."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def module_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's variables and ``more``."""
    return {**os.environ, **more, "PYTHONPATH": str(ROOT), PARENT: str(os.getpid())}


def end_with_parent(parent: int | None = None) -> None:
    """Have this process killed as soon as ``parent`` ends, however that is; without it, who started it by the above.

    By the kernel, on Linux. Elsewhere a process notices when it next reads or writes a pipe.
    """
    expected = parent or int(os.environ.get(PARENT, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if expected and os.getppid() != expected:
        os._exit(1)  # it has ended before

"""``l3d-gen`` with one fault built in, told by environment variables, for what cannot be done to it from outside.

FAULT: what happens; UNIT: the shape at whose views it does; ONCE: a file that is made the first time, after which
nothing happens; without it, it happens each time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Any

from pipeline.cli.gen import main
from pipeline.engine.unit import Result
from pipeline.planning.plan import ShapePlan
from pipeline.stages import views
from pipeline.stages.context import Context

#: What runs this in place of ``l3d-gen``.
COMMAND = ("-c", "from benchmarks.faults.sabotage import begin; begin()")
_GIB = 2**30
_choose = views.choose


def begin() -> None:
    """Put the fault in place, and run."""
    views.choose = choose
    if os.environ["FAULT"] == "no locks":
        fcntl.flock = _refuse
    main()


def choose(plan: ShapePlan, shape_id: str, context: Context) -> Result:
    """In place of ``views.choose``."""
    once = os.environ.get("ONCE")
    if shape_id == os.environ.get("UNIT") and not (once and Path(once).exists()):
        if once:
            Path(once).touch()
        _FAULTS[os.environ["FAULT"]]()
    return _choose(plan, shape_id, context)


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    time.sleep(1e6)


def _eat_memory() -> None:
    eaten = []
    while True:
        eaten.append(b"\1" * (_GIB // 4))


def _refuse(*_: Any) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


_FAULTS = {"segfault": _crash, "hang": _hang, "memory": _eat_memory}

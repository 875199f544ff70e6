"""One way for every command to fail: one line, exit status 1, no traceback, no empty folder."""

from __future__ import annotations

import functools
import os
import select
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from pipeline.errors import PipelineError
from pipeline.files import undone_if_empty

P = ParamSpec("P")
T = TypeVar("T")

#: What a shell reports of a program that SIGPIPE ends.
BROKEN_PIPE = 141


def friendly(command: Callable[P, T]) -> Callable[P, T]:
    """Turn a PipelineError, or a disk that refuses, into one line on stderr and exit status 1.

    The folder ``out`` of a command that fails is not left behind empty. Where nobody reads what a command prints any
    more (``| head``), it ends quietly.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        out = kwargs.get("out")
        try:
            with undone_if_empty(out) if isinstance(out, Path) else nullcontext():
                return command(*args, **kwargs)
        except (PipelineError, OSError) as error:
            if isinstance(error, BrokenPipeError) and (streams := _unread()):
                null = os.open(os.devnull, os.O_WRONLY)
                for stream in streams:  # what they still hold must not fail once more at the end
                    os.dup2(null, stream)
                sys.exit(BROKEN_PIPE)
            click.echo(f"error: {error}", err=True)
            sys.exit(1)

    return wrapped


def _unread() -> list[int]:
    """Which of standard output and standard error have lost their readers; if none, another pipe is broken."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return [stream for stream, event in poll.poll(0) if event & (select.POLLERR | select.POLLHUP)]

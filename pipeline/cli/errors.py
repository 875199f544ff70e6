"""One way for every command to tell a user's mistake: one line, exit status 1, no traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from pipeline.errors import PipelineError

P = ParamSpec("P")
T = TypeVar("T")


def friendly(command: Callable[P, T]) -> Callable[P, T]:
    """Turn a PipelineError, or a disk that refuses, into one line on stderr and exit status 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (PipelineError, OSError) as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)

    return wrapped

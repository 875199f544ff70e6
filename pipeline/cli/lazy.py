"""Commands of the half that an extra brings: loaded when they are called, so that the others do without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from pipeline.cli.errors import friendly
from pipeline.extras import need_generation


class Generating(click.Command):
    """Stands for the command that ``load`` imports; without the extra one line says what to install."""

    def __init__(self, name: str, called: str, short_help: str, load: Callable[[], click.Command]) -> None:
        super().__init__(name, short_help=short_help)
        self._called = called
        self._load = load

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command itself, with its own options."""
        friendly(need_generation)(self._called)
        return self._loaded().make_context(info_name, args, parent, **extra)

    def _loaded(self) -> click.Command:
        """That command. On a terminal the first word comes before what takes a second or two."""
        if not sys.stderr.isatty():
            return self._load()
        click.echo(f"{self._called} is starting", nl=False, err=True)
        try:
            return self._load()
        finally:
            click.echo("\r\x1b[K", nl=False, err=True)

    def invoke(self, ctx: click.Context) -> Any:
        return ctx.command.invoke(ctx)

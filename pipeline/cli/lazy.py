"""Commands of the half that an extra brings: loaded when they are called, so that the others do without it."""

from __future__ import annotations

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
        return self._load().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        return ctx.command.invoke(ctx)

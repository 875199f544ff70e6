"""``l3d-gen``: make a dataset, where what that needs is installed."""

from __future__ import annotations

import click

from pipeline.cli.lazy import Generating


def _load() -> click.Command:
    from pipeline.cli.generate import main

    return main


main = Generating("l3d-gen", "l3d-gen", "Make a dataset.", _load)

if __name__ == "__main__":
    main()

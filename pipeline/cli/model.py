"""``l3d-model``: trained models as files."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.errors import friendly
from pipeline.training.checkpoint import export_published, load_checkpoint


@click.group()
def main() -> None:
    """Trained models as files."""


@main.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@friendly
def export(checkpoint: Path, file: Path) -> None:
    """Write CHECKPOINT, a model of kind published, to FILE as the authors' code reads it (their model.pt)."""
    export_published(load_checkpoint(checkpoint), checkpoint, file)
    click.echo(f"wrote {file}")


if __name__ == "__main__":
    main()

"""``l3d-train``: train CMT on a generated dataset."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from pipeline.cli.errors import friendly
from pipeline.training.config import load_training
from pipeline.training.device import keep_memory
from pipeline.training.train import CONFIG, Progress, train


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--config", "preset", help="Preset in configs/ (training/cmt, training/cpu-small) or a YAML file.")
@click.option("--variant", help="Change of it in configs/training/variants/: a, b, c, d, full, query-only, vit, ...")
@click.option("--out", type=click.Path(path_type=Path), default=Path("training"), show_default=True)
@click.option("--resume", is_flag=True, help="Continue the run in --out exactly where it stopped.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting, e.g. model.top_k=50.")
@click.option(
    "--limit", type=click.IntRange(min=2), help="Memorise the first N samples, half of them normal, unaugmented."
)
@friendly
def main(
    dataset: Path,
    preset: str | None,
    variant: str | None,
    out: Path,
    resume: bool,
    overrides: tuple[str, ...],
    limit: int | None,
) -> None:
    """Train CMT, or a baseline by --variant, on DATASET, the folder that l3d-gen wrote (or its shards/).

    The default config is the paper's.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if resume and preset is None and (out / CONFIG).is_file():
        preset = str(out / CONFIG)
    config = load_training(preset, variant, overrides)
    keep_memory()
    with _progress() as progress:
        last = train(dataset, out, config, resume, limit, progress)
    click.echo(f"wrote {last}")


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on a terminal, where log lines would break it; elsewhere none."""
    if not sys.stderr.isatty():
        yield None
        return
    logging.getLogger().setLevel(logging.WARNING)
    with click.progressbar(length=1, label="training", file=sys.stderr, show_pos=True) as bar:

        def show(step: int, steps: int) -> None:
            bar.length = steps
            bar.update(step - bar.pos)

        yield show

"""``l3d-data``: look into a dataset, verify it, draw it, export it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline.cli.errors import friendly
from pipeline.cli.lazy import Generating
from pipeline.cli.verify import main as verify_command
from pipeline.exchange.brokenchairs.importing import LeftOut
from pipeline.exchange.layouts import EXPORTS, IMPORTS
from pipeline.format.reader import dataset_folder, find_shards
from pipeline.report.notes import stored_notes
from pipeline.report.page import PER_TYPE, write_report
from pipeline.report.samples import contact_sheet
from pipeline.report.statistics import statistics
from pipeline.report.text import info_text, table_text

DATASET = click.argument("dataset", type=click.Path(path_type=Path))
OUT = click.option("--out", required=True, type=click.Path(path_type=Path), help="a new folder, or one to go on in")


@click.group()
def main() -> None:
    """Work with a generated dataset. DATASET is its folder (with shards/ in it) or the shards folder itself."""


@main.command()
@DATASET
@friendly
def info(dataset: Path) -> None:
    """Say what DATASET is: its shards, sizes and origin."""
    click.echo(info_text(find_shards(dataset)))


@main.command()
@DATASET
@friendly
def stats(dataset: Path) -> None:
    """Print Table 1 of the paper for DATASET, beside the paper's own numbers."""
    click.echo(table_text(statistics(find_shards(dataset))))


@main.command()
@DATASET
@click.option("--out", type=click.Path(path_type=Path), help="folder to write to  [default: DATASET/report]")
@click.option("--limit", default=PER_TYPE, show_default=True, type=click.IntRange(1), help="samples per anomaly type")
@friendly
def gallery(dataset: Path, out: Path | None, limit: int) -> None:
    """Write the report page and contact_sheet.png for DATASET, with what its own report tells of rejects."""
    report = dataset_folder(dataset) / "report"
    out = out or report
    shards = find_shards(dataset)
    write_report(out, shards, stored_notes(report), limit)
    contact_sheet(shards, out / "contact_sheet.png")
    click.echo(f"wrote {out / 'index.html'} and {out / 'contact_sheet.png'}")


@main.command()
@DATASET
@click.option("--layout", required=True, type=click.Choice(list(EXPORTS)), help="docs/format.md describes them")
@OUT
@friendly
def export(dataset: Path, layout: str, out: Path) -> None:
    """Write DATASET as plain files in another LAYOUT."""
    images = EXPORTS[layout](dataset, out)
    click.echo(f"wrote {images} images in the {layout} layout to {out}")


@main.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--layout", required=True, type=click.Choice(list(IMPORTS)), help="brokenchairs: BrokenChairs-180K's")
@OUT
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="processes, a shard at a time each")
@click.option("--limit", type=click.IntRange(1), help="shapes of each split, for a try  [default: all]")
@friendly
def import_command(folder: Path, layout: str, out: Path, jobs: int, limit: int | None) -> None:
    """Make a dataset of FOLDER, plain files in another LAYOUT.

    Exit status 3 if anything had to be left out: it is named in OUT/left_out/all.json, and counted here.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    imported = IMPORTS[layout](folder, out, jobs, limit)
    click.echo(f"wrote {imported.images} images of {imported.shapes} shapes in {imported.shards} shards to {out}")
    click.echo(_left_out_text(imported.left_out), err=True, nl=False)
    sys.exit(3 if imported.left_out else 0)


def _left_out_text(left_out: Sequence[LeftOut]) -> str:
    """What an import left out: a line for each reason, with the first case of it; empty for nothing."""
    lines = ""
    for reason in dict.fromkeys(item.reason for item in left_out):
        own = [item for item in left_out if item.reason == reason]
        lines += f"left out: {reason}: {len(own)} ({sum(item.images for item in own)} images), e.g. {own[0].message}\n"
    return lines


def _load_materials() -> click.Command:
    from pipeline.cli.materials import main as command

    return command


def _load_status() -> click.Command:
    from pipeline.cli.status import main as command

    return command


main.add_command(verify_command)
_MATERIALS_HELP = "Draw the library's materials on a cushion and a leg: one contact sheet a class."
main.add_command(Generating("materials", "l3d-data materials", _MATERIALS_HELP, _load_materials))
_STATUS_HELP = "Say how far a dataset folder is, while l3d-gen works on it or after, and what broke."
main.add_command(Generating("status", "l3d-data status", _STATUS_HELP, _load_status))

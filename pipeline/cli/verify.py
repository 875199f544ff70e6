"""``l3d-data verify``: does a dataset hold what it says; and if not, have the next run mend it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.cli.errors import friendly
from pipeline.engine.records import Records
from pipeline.errors import StorageError
from pipeline.format.contents import told_contents
from pipeline.format.problems import Problem
from pipeline.format.reader import dataset_folder
from pipeline.format.verification import verify
from pipeline.layout import Layout

#: Damaged files that are named in the last line; the others are counted.
NAMED = 3


@click.command("verify")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="tell every case, not the first of each kind alone")
@friendly
def main(dataset: Path, every: bool) -> None:
    """Read every byte of DATASET and check that it holds what it says; exit status 1 if it does not.

    Damaged shards are made again by the next run of the command that made DATASET.
    """
    problems = verify(dataset)
    if not problems:
        untold = "" if told_contents(dataset) else "; counts were not checked, since no dataset.json tells them"
        click.echo(f"{dataset}: no problems found{untold}")
        return
    for line in map(str, problems) if every else _first_of_each_kind(problems):
        click.echo(line)
    files = sorted({problem.where[0] for problem in problems})
    named = ", ".join(files[:NAMED]) + (f" and {len(files) - NAMED:,} others" if len(files) > NAMED else "")
    click.echo(f"{dataset}: {len(problems):,} problems in {named}; {_way_out(dataset_folder(dataset), files)}")
    sys.exit(1)


def _first_of_each_kind(problems: Sequence[Problem]) -> Iterator[str]:
    """One line a kind of problem: its first case, and how many more there are."""
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    for first, *others in kinds.values():
        yield f"{first} (and {len(others):,} more such)" if others else str(first)


def _way_out(folder: Path, files: Sequence[str]) -> str:
    """What becomes of damaged files; where a run made them, its records no longer vouch for them."""
    records, layout = Records(folder), Layout(folder)
    if not records.kept:
        return "no run is known there that could make them again: copy them again from where they came"
    try:
        for name in files:
            records.doubt(Path(name).stem, f"{layout.shards.name}/{name}")
        records.doubt("report", layout.dataset.name)
    except StorageError as error:
        return f"its next run does not know of them, since {error}"
    return "the next run of the command that made it makes them again"

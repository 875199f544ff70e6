"""Do every fault to runs of its own and print what became of each; exit status 1 if anything was lost."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from benchmarks.faults.rows import ROWS, SHORT, SHORT_SETTINGS, Bench
from pipeline.report.text import aligned

BY_NAME = {row.__name__: row for row in ROWS}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(BY_NAME)), help="this row alone (repeatable)")
@click.option("--short", is_flag=True, help=f"only {', '.join(row.__name__ for row in SHORT)}, once each")
@click.option("--seed", default=0, show_default=True, help="of the moments at which things happen")
def main(only: tuple[str, ...], short: bool, seed: int) -> None:
    """Print the table. Some rows need root: for small disks, control groups and network namespaces."""
    rows = [BY_NAME[name] for name in only] or list(SHORT if short else ROWS)
    lines, wrong = [], []
    with tempfile.TemporaryDirectory(prefix="l3d-faults-") as temporary:
        bench = Bench(Path(temporary), seed, SHORT_SETTINGS if short else ())
        click.echo(f"undisturbed: {bench.whole.seconds:.1f} s, {len(bench.whole.files)} files", err=True)
        for row in rows:
            told = len(wrong)
            try:
                found = row(bench, 1 if short else ROWS[row])
            except OSError as error:
                lines.append([row.__name__, "0", f"not done: {error}", "?"])
            else:
                lines.append([found.fault, str(found.times), found.seen, "nothing" if not found.wrong else "SEE BELOW"])
                wrong += [f"{found.fault}: {text}" for text in found.wrong]
            click.echo(" | ".join([*lines[-1], *wrong[told:]]), err=True)
    click.echo(aligned([["fault", "times", "seen", "lost"], *lines]))
    for text in wrong:
        click.echo(text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

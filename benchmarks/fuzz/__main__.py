"""``python -m benchmarks.fuzz``: a table of all readers, and a folder of what they did not refuse as they should."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.fuzz.child import Task, Work
from benchmarks.fuzz.guard import Guard
from benchmarks.fuzz.parent import Tally, fuzz, make_corpus, replay
from benchmarks.fuzz.readers import READERS
from benchmarks.table import RESULTS, write_rows
from pipeline.report.text import aligned


@click.command()
@click.option("--inputs", default=50_000, show_default=True, help="over all readers")
@click.option("--readers", help=f"some of them, with commas between: {', '.join(READERS)}")
@click.option("--seed", default=0, show_default=True)
@click.option("--seconds", default=20.0, show_default=True, help="that one input may take")
@click.option("--memory-gib", default=4.0, show_default=True, help="that one input may take")
@click.option("--found", type=click.Path(path_type=Path), default=RESULTS / "fuzz", show_default=True)
@click.option("--replay", "place", type=click.Path(path_type=Path, exists=True), help="one folder of those in --found")
def main(
    inputs: int, readers: str | None, seed: int, seconds: float, memory_gib: float, found: Path, place: Path | None
) -> None:
    """Exit status 1 if anything was found."""
    with tempfile.TemporaryDirectory(prefix="l3d-fuzz-") as name:
        folder = Path(name).resolve()
        if place is not None:
            print(*replay(place, folder, Guard(folder / "box")), sep=": ")
            return
        names = readers.split(",") if readers else list(READERS)
        make_corpus(folder, (READERS[name] for name in names))
        start = time.monotonic()
        tallies = fuzz(folder, Work(shared(names, inputs), seed, seconds, memory_gib), found.resolve())
        print(table(tallies), f"\n{time.monotonic() - start:.0f} s", sep="")
    rows = {name: {**vars(tally), "outcomes": dict(tally.outcomes)} for name, tally in tallies.items()}
    write_rows("fuzz", rows)
    sys.exit(any(tally.findings for tally in tallies.values()))


def shared(names: list[str], inputs: int) -> tuple[Task, ...]:
    """So many inputs dealt to readers by their shares, one at least."""
    total = sum(READERS[name].share for name in names)
    return tuple(Task(name, 0, max(1, round(inputs * READERS[name].share / total))) for name in names)


def table(tallies: dict[str, Tally]) -> str:
    rows = [["reader", "inputs", "read", "refused", "findings", "slowest s", "most MB"]]
    for name, tally in tallies.items():
        counts = (tally.outcomes.total(), tally.outcomes["read"], tally.outcomes["refused"], tally.findings)
        rows.append([name, *(f"{count:,}" for count in counts), f"{tally.slowest:.1f}", f"{tally.megabytes:.0f}"])
    sums = [sum(int(row[column].replace(",", "")) for row in rows[1:]) for column in range(1, 5)]
    return aligned([*rows, ["all", *(f"{count:,}" for count in sums), "", ""]])


if __name__ == "__main__":
    main()

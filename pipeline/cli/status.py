"""``l3d-data status``: how far a dataset folder is."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipeline.cli.errors import friendly
from pipeline.cli.progress import duration
from pipeline.run import Status, status

#: Of what broke, as many are shown, and so many characters of each last line.
SHOWN, LONGEST = 10, 200


@click.command("status")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--json", "as_json", is_flag=True, help="for programs, with all that is known of what broke")
@friendly
def main(out: Path, as_json: bool) -> None:
    """Say how far OUT is, while l3d-gen works on it or after: stages, speed, what broke and why, what to do next."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    found = status(out)
    click.echo(json.dumps(status_entries(found), indent=1) if as_json else status_text(found, out))


def status_entries(found: Status) -> dict[str, Any]:
    """What ``--json`` prints; seconds_left: null where nothing was made lately."""
    stages = [
        {
            **asdict(stage),
            "reasons": dict(stage.reasons),  # asdict makes another thing of a Counter
            "units": stage.units,
            "seconds_left": found.seconds_left(stage),
        }
        for stage in found.stages
    ]
    aside = [{"stage": s.stage, "unit": s.unit, "tries": [asdict(t) for t in s.tries]} for s in found.set_aside]
    return {"at_work": found.at_work, "stages": stages, "set_aside": aside}


def status_text(found: Status, out: Path) -> str:
    """The same for people."""
    lines = [f"{'stage':>10} {'done':>8} {'rejected':>8} {'failed':>8} {'waiting':>8}"]
    for stage in found.stages:
        line = f"{stage.stage:>10} {stage.done:>8,} {stage.rejected:>8,} {len(stage.set_aside):>8,} {stage.to_make:>8,}"
        if stage.counted != f"{stage.unit}s":
            line += f"   {stage.size - stage.size_left:,} of {stage.size:,} {stage.counted}"
        left = found.seconds_left(stage)
        lines.append(line + (f", {duration(left)} left" if left and found.at_work else ""))
    for entry in found.set_aside[:SHOWN]:
        last = entry.tries[-1].message.strip().splitlines()[-1][-LONGEST:]
        lines.append(f"broke {len(entry.tries)} times: {entry.stage} {entry.unit}: {last}")
    if found.set_aside:
        lines.append(f"all that is known of these {len(found.set_aside)}, of each try: {out / 'quarantine'}, --json")
    return "\n".join([*lines, _next(found)])


def _next(found: Status) -> str:
    if found.at_work:
        return "a run is working on it"
    waiting = any(stage.to_make for stage in found.stages)
    begun = "no run is working on it: the command that began it goes on" if waiting else "all that can be made is made"
    return f"{begun}; with --retry-failed it tries again what broke" if found.set_aside else begun

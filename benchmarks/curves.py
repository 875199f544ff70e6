"""Loss and validation AUC over the samples seen, of one or more training runs, as a picture.

python -m benchmarks.curves runs/full runs/query-attention --out docs/curves.png
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from matplotlib.figure import Figure

from pipeline.errors import PipelineError

SMOOTHED = 20  # lines of the log whose losses are averaged


@click.command(help=__doc__)
@click.argument("runs", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path))
def main(runs: tuple[Path, ...], out: Path) -> None:
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, aucs = figure.subplots(1, 2)
    for run in runs:
        lines = _lines(run)
        trained = [line for line in lines if "loss" in line]
        totals = [line["loss"]["total"] for line in trained]
        seen = [line["samples"] for line in trained]
        means = [sum(own) / len(own) for own in (totals[max(0, i - SMOOTHED + 1) : i + 1] for i in range(len(totals)))]
        losses.plot(seen, means, label=run.name)
        judged = [
            (_samples_at(line["step"], trained), line["validation"]["overall"]["auc"])
            for line in lines
            if "validation" in line
        ]
        aucs.plot(*zip(*judged, strict=True), marker="o", markersize=3, label=run.name)
    for axes, title in ((losses, "training loss"), (aucs, "validation AUC")):
        axes.set(xlabel="samples seen", title=title)
        axes.grid(alpha=0.3)
    aucs.axhline(0.5, color="gray", linewidth=0.8)
    losses.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)
    click.echo(f"wrote {out}")


def _lines(run: Path) -> list[dict[str, Any]]:
    path = run / "metrics.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise PipelineError(f"{path} is not the log of a training run: {error}") from error


def _samples_at(step: int, trained: list[dict[str, Any]]) -> int:
    """Samples seen at a step, by the last line of the log up to it."""
    return int(max((line["samples"] for line in trained if line["step"] <= step), default=0))


if __name__ == "__main__":
    main()

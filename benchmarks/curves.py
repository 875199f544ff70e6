"""Loss and validation AUC over the samples seen, of one or more training runs, as a picture.

python -m benchmarks.curves runs/full runs/query-attention --out docs/curves.png
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import yaml
from matplotlib.figure import Figure

from pipeline.cli.errors import friendly
from pipeline.errors import PipelineError
from pipeline.training.logs import METRICS
from pipeline.training.train import CONFIG

SMOOTHED = 20  # lines of the log whose losses are averaged


@click.command(help=__doc__)
@click.argument("runs", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path))
@friendly
def main(runs: tuple[Path, ...], out: Path) -> None:
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, aucs = figure.subplots(1, 2)
    for run in runs:
        batch, lines = _log(run)
        trained = [(batch * line["step"], line["loss"]["total"]) for line in lines if "loss" in line]
        totals = [total for _, total in trained]
        means = [sum(own) / len(own) for own in (totals[max(0, i - SMOOTHED + 1) : i + 1] for i in range(len(totals)))]
        losses.plot([seen for seen, _ in trained], means, label=run.name)
        judged = [
            (batch * line["step"], line["validation"]["overall"]["auc"]) for line in lines if "validation" in line
        ]
        known = [(seen, auc) for seen, auc in judged if auc is not None]  # of one class alone there is none
        aucs.plot([seen for seen, _ in known], [auc for _, auc in known], marker="o", markersize=3, label=run.name)
    for axes, title in ((losses, "training loss"), (aucs, "validation AUC")):
        axes.set(xlabel="samples seen", title=title)
        axes.grid(alpha=0.3)
    aucs.axhline(0.5, color="gray", linewidth=0.8)
    losses.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)
    click.echo(f"wrote {out}")


def _log(run: Path) -> tuple[int, list[dict[str, Any]]]:
    """A run's samples a step, and the lines of its log. Steps are counted over resumptions, samples are not."""
    try:
        batch = int(yaml.safe_load((run / CONFIG).read_text(encoding="utf-8"))["batch"])
        return batch, [json.loads(line) for line in (run / METRICS).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise PipelineError(f"{run} does not hold the log of a training run: {error}") from error


if __name__ == "__main__":
    main()

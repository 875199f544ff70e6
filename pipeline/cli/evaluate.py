"""``l3d-eval``: how well a trained CMT does on a split."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from pipeline.cli.errors import friendly
from pipeline.shards.schema import SPLITS
from pipeline.training.evaluation.evaluate import evaluate_checkpoint
from pipeline.training.evaluation.metrics import Evaluation, Metrics


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes that load data.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@friendly
def main(checkpoint: Path, dataset: Path, split: str, device: str, workers: int, as_json: bool) -> None:
    """Evaluate CHECKPOINT on DATASET: ROC AUC, accuracy at 0.5, and box AP at IoU 0.5, overall and by type.

    A type's AUC is against all normal images; its accuracy and AP are over its images alone.
    """
    evaluation = evaluate_checkpoint(checkpoint, dataset, split, device, workers)
    click.echo(json.dumps(asdict(evaluation), indent=1) if as_json else format_table(evaluation))


def format_table(evaluation: Evaluation) -> str:
    """Percentages, one row a type, the whole split last; '-' where a number is not defined."""
    rows = [*evaluation.by_type.items(), ("all", evaluation.overall)]
    head = f"{'':<12}{'images':>8}{'AUC':>8}{'accuracy':>10}{'box AP':>8}"
    return "\n".join([head, *(_row(name, metrics) for name, metrics in rows)])


def _row(name: str, metrics: Metrics) -> str:
    auc, accuracy, box_ap = (
        "-" if value is None else f"{100 * value:.1f}" for value in (metrics.auc, metrics.accuracy, metrics.box_ap)
    )
    return f"{name:<12}{metrics.images:>8}{auc:>8}{accuracy:>10}{box_ap:>8}"

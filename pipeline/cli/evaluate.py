"""``l3d-eval``: how well trained models do on a split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import click

from pipeline.cli.errors import friendly
from pipeline.errors import PipelineError
from pipeline.files import atomic, write_json
from pipeline.format.labels import SPLITS
from pipeline.training.config import Comparing
from pipeline.training.evaluation.evaluate import Judged, compare, evaluate_checkpoint, model_name
from pipeline.training.evaluation.metrics import CameraSource
from pipeline.training.evaluation.pictures import match_pictures
from pipeline.training.evaluation.tables import as_json, extent, markdown, predictions_csv, text_table
from pipeline.training.index import SplitIndex, index_split


@click.command()
@click.argument("checkpoints", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write tables and predictions to this folder.")
@click.option(
    "--bootstrap", default=2000, show_default=True, type=click.IntRange(min=0), help="For intervals; 0: none."
)
@click.option(
    "--pictures",
    default=0,
    type=click.IntRange(min=0),
    help="In --out, for each model: of matches, or of where one that compares is most wrong.",
)
@click.option(
    "--cameras",
    type=click.Choice(get_args(CameraSource)),
    default="found",
    show_default=True,
    help="Of queries, for models that compare: found, with all but the direction known or nothing, by the model's "
    "own mask or the true one; or told.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes that load data.")
@click.option("--json", "printed_json", is_flag=True, help="Print JSON instead of tables.")
@friendly
def main(
    checkpoints: tuple[Path, ...],
    dataset: Path,
    split: str,
    out: Path | None,
    bootstrap: int,
    pictures: int,
    cameras: CameraSource,
    device: str,
    workers: int,
    printed_json: bool,
) -> None:
    """Evaluate CHECKPOINTS on DATASET: AUC, accuracy, box AP, closest views and matches, by anomaly type and part.

    A checkpoint called "untrained" is a model that needs no training (docs/detecting.md).
    A type's AUC is against all normal images; everything else is over its images alone. Models are named by the
    folders of their checkpoints; each is compared with the first.
    """
    if pictures and out is None:
        raise click.UsageError("--pictures needs --out, the folder to write them to")
    names = [model_name(path) for path in checkpoints]
    if len(set(names)) < len(names):
        raise PipelineError(
            f"models are named by the folders of their checkpoints, but these are alike: {', '.join(names)}"
        )
    models = [evaluate_checkpoint(path, dataset, split, device, workers, bootstrap, cameras) for path in checkpoints]
    first, differences = models[0].name, compare(models, bootstrap)
    results = {model.name: as_json(model, differences.get(model.name), first, split) for model in models}
    if out is not None:
        index = index_split(dataset, split)
        write_json(out / "evaluation.json", results)
        _write_text(out / "evaluation.md", markdown(models, differences, split))
        for model, checkpoint in zip(models, checkpoints, strict=True):
            _write_text(out / model.name / "predictions.csv", predictions_csv(model, index))
            if pictures:
                _draw(out / model.name, model, checkpoint, index, pictures, device, cameras)
    if printed_json:
        click.echo(json.dumps(results, indent=1))
        return
    click.echo(extent(models[0], split))
    for model in models:
        click.echo(f"{model.name}\n{text_table(model, differences.get(model.name), first)}")


def _draw(
    out: Path, model: Judged, checkpoint: Path, index: SplitIndex, count: int, device: str, cameras: CameraSource
) -> None:
    if isinstance(model.config.model, Comparing) and model.config.model.reference != "none":
        from pipeline.training.evaluation.worst import worst_sheet

        pictures = {"worst": worst_sheet(checkpoint, index, model.scores, count, device, cameras)}
    else:
        matches = enumerate(match_pictures(checkpoint, index, count, device))
        pictures = {f"matches_{number:03d}": picture for number, picture in matches}
    for name, picture in pictures.items():
        with atomic(out / f"{name}.png") as temporary:
            picture.save(temporary)


def _write_text(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""``l3d-predict``: whether photographs show an object as it should be, and where not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from pipeline.cli.errors import friendly
from pipeline.config import Config, load
from pipeline.errors import PipelineError
from pipeline.files import atomic, write_json
from pipeline.mesh_views import save_mesh_views
from pipeline.shapes.mesh_file import Up, read_mesh
from pipeline.shapes.smoothing import smooth as smoothed
from pipeline.shards.schema import ShapeRecord
from pipeline.shards.views_file import read_views
from pipeline.training.checkpoint import Checkpoint, load_checkpoint, restore_model
from pipeline.training.device import pick_device
from pipeline.training.evaluation.correspondence import camera_angles
from pipeline.training.prediction.photograph import as_query, read_photograph
from pipeline.training.prediction.predict import judge


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--reference", required=True, type=click.Path(path_type=Path), help="Mesh file, or views.h5.")
@click.option("--query", "queries", required=True, multiple=True, type=click.Path(path_type=Path), help="Photograph.")
@click.option("--mask", "masks", multiple=True, type=click.Path(path_type=Path), help="Its object in white; one each.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("predictions"), show_default=True)
@click.option("--up", type=click.Choice(["y", "z"]), default="y", show_default=True, help="Up axis of the mesh.")
@click.option("--smooth", default=0, type=click.IntRange(min=0), help="Rounds of Laplacian smoothing of the mesh.")
@click.option("--shadow/--no-shadow", default=True, show_default=True, help="Put a soft shadow under cut-out objects.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Setting of l3d-gen for the mesh's views.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@friendly
def main(
    checkpoint: Path,
    reference: Path,
    queries: tuple[Path, ...],
    masks: tuple[Path, ...],
    out: Path,
    up: Up,
    smooth: int,
    shadow: bool,
    overrides: tuple[str, ...],
    device: str,
) -> None:
    """Compare each --query with the shape of --reference by the model of CHECKPOINT.

    Writes predictions.json and a picture for each photograph to --out; views drawn from a mesh go to --out/reference,
    and may be the --reference of the next call. docs/predicting.md tells what photographs need.
    """
    if masks and len(masks) != len(queries):
        raise PipelineError(
            f"{len(masks)} --mask for {len(queries)} --query: give one for each, in the same order, or none"
        )
    stems = [path.stem for path in queries]
    if len(set(stems)) < len(stems):
        raise PipelineError(f"pictures are named after photographs, but these names are alike: {', '.join(stems)}")
    saved = load_checkpoint(checkpoint)
    target = pick_device(device)
    model = restore_model(saved, checkpoint).to(target).eval()
    size = saved.size[0]
    photographs = [
        read_photograph(path, mask) for path, mask in zip(queries, masks or [None] * len(queries), strict=True)
    ]
    shape = _reference(reference, up, smooth, out, saved, overrides)
    angles = camera_angles(shape.world_to_camera)
    found: list[dict[str, Any]] = []
    for photograph in photographs:
        verdict = judge(model, saved.config, shape, as_query(photograph, size, shadow), target)
        with atomic(out / f"{photograph.path.stem}.png") as temporary:
            verdict.picture.save(temporary)
        view = None
        if verdict.view is not None:
            azimuth, elevation = angles[verdict.view].tolist()
            view = {"number": verdict.view, "azimuth": round(azimuth, 3), "elevation": round(elevation, 3)}
        box = None if verdict.box is None else [round(value, 2) for value in verdict.box.tolist()]
        found.append(
            {
                "photograph": str(photograph.path),
                "score": verdict.score,
                "anomalous": verdict.score > 0.5,
                "box": box,
                "view": view,
            }
        )
        click.echo(f"{photograph.path}: {json.dumps(found[-1])}")
    write_json(
        out / "predictions.json", {"checkpoint": str(checkpoint), "reference": str(reference), "predictions": found}
    )


def _reference(
    path: Path, up: Up, iterations: int, out: Path, saved: Checkpoint, overrides: tuple[str, ...]
) -> ShapeRecord:
    if path.suffix == ".h5":
        return read_views(path)
    trained = [f"views.resolution={saved.size[0]}", f"views.reference_views={saved.views}"]
    config = load(Config, None, [*trained, *overrides])
    shape = read_mesh(path, up, config.shapes)
    if iterations:
        shape = smoothed(shape, iterations)
    return read_views(save_mesh_views(out / "reference", shape, config, os.cpu_count() or 1))

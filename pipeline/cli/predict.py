"""``l3d-predict``: whether photographs show an object as it should be, and where not."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from pipeline.cli.errors import friendly
from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.extras import need_generation
from pipeline.files import atomic, short_name, write_json
from pipeline.format.reader import find_reference
from pipeline.format.schema import ShapeRecord
from pipeline.format.views_file import VIEWS, read_views
from pipeline.settings.loading import load
from pipeline.shapes.config import Up
from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.config import Comparing
from pipeline.training.device import pick_device
from pipeline.training.prediction.photograph import Photograph, doubts, masks_for, photographs_in, read_photograph
from pipeline.training.prediction.predict import Detection, NotJudged, judge, look_at
from pipeline.training.prediction.query import as_query

#: Bytes of a photograph's name in that of its picture.
LONGEST_STEM = 100


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--reference", required=True, help="Mesh file; views.h5 or its folder; or DATASET#SHAPE_ID.")
@click.option(
    "--query",
    "queries",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Photograph, or a folder of them.",
)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Its object in white; one each, or a folder by name.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("predictions"), show_default=True)
@click.option("--up", type=click.Choice(get_args(Up)), default="y", show_default=True, help="z turns a lying mesh up.")
@click.option("--smooth", default=0, type=click.IntRange(min=0), help="Rounds of Laplacian smoothing of the mesh.")
@click.option("--resolution", type=click.IntRange(min=32), help="Of query and views; the model's own without it.")
@click.option("--shadow/--no-shadow", default=True, show_default=True, help="Put a soft shadow under cut-out objects.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Setting of l3d-gen for the mesh's views.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--json", "printed_json", is_flag=True, help="Print predictions.json instead of a line a photograph.")
@click.pass_context
@friendly
def main(
    context: click.Context,
    checkpoint: Path,
    reference: str,
    queries: tuple[Path, ...],
    masks: tuple[Path, ...],
    out: Path,
    up: Up,
    smooth: int,
    resolution: int | None,
    shadow: bool,
    overrides: tuple[str, ...],
    device: str,
    printed_json: bool,
) -> None:
    """Compare each --query with the shape of --reference by the model of CHECKPOINT, or by one that is "untrained".

    Writes predictions.json and a picture for each photograph to --out; views drawn from a mesh go to --out/reference,
    and may be the --reference of the next call. docs/predicting.md tells what photographs need.
    """
    files = [file for path in queries for file in photographs_in(path)]
    cut_out = masks_for(files, masks)
    saved = load_checkpoint(checkpoint)
    target = pick_device(device)
    model = restore_model(saved, checkpoint).to(target).eval()
    size = resolution or saved.size[0]
    photographs = [read_photograph(path, mask) for path, mask in zip(files, cut_out, strict=True)]
    shape = _stored_views(context, reference)
    if shape is None:
        settings = (f"views.resolution={size}", f"views.reference_views={saved.reference_views}", *overrides)
        config = load(Config, None, settings)
        drawn = None if isinstance(saved.config.model, Comparing) else out / "reference"  # these look at no pictures
        shape = _mesh_views(Path(reference), up, smooth, drawn, config)
    looked_at = look_at(model, saved.config, shape, target)
    found: list[dict[str, Any]] = []
    for number, photograph in enumerate(photographs):
        query = as_query(photograph, size, shadow)
        try:
            detection = judge(model, saved.config, looked_at, query, target)
        except NotJudged as error:
            click.echo(f"error: {error}", err=True)
            found.append({"photograph": str(photograph.path), "error": str(error)})
            continue
        picture = _save(detection, out / f"{number:03d}_{short_name(photograph.path.stem, LONGEST_STEM)}.png")
        found.append(_as_json(photograph, detection, picture))
        if not printed_json:
            click.echo(_as_line(photograph, detection))
    content = {"checkpoint": str(checkpoint), "reference": reference, "resolution": size, "predictions": found}
    write_json(out / "predictions.json", content)
    click.echo(json.dumps(content, indent=1) if printed_json else f"wrote {out / 'predictions.json'} and pictures")
    if any(item.get("picture") is None for item in found):
        sys.exit(1)


def _save(detection: Detection, path: Path) -> Path | None:
    """The picture's file; None, told on standard error, where it cannot be written: no detection is lost by that."""
    try:
        with atomic(path) as temporary:
            detection.picture.save(temporary)
    except (PipelineError, OSError) as error:
        click.echo(f"error: picture {path} is missing: {error}", err=True)
        return None
    return path


def _stored_views(context: click.Context, reference: str) -> ShapeRecord | None:
    """The views of a file, a folder or a dataset; None for a mesh. Raises UsageError with options of meshes alone."""
    path = Path(reference)
    dataset, hash_sign, shape_id = reference.rpartition("#")
    in_dataset = hash_sign and not path.exists()
    if not in_dataset and not path.is_dir() and path.suffix != ".h5":
        return None
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if option.name in ("up", "smooth", "overrides") and given:
            raise click.UsageError(f"{option.opts[0]} is for meshes; the views of {reference} are drawn already")
    if in_dataset:
        return find_reference(Path(dataset), shape_id)
    if path.is_dir() and not (path / VIEWS).exists():
        raise PipelineError(f"folder {path} has no {VIEWS}; of a dataset, name the shape: {path}#SHAPE_ID")
    return read_views(path / VIEWS if path.is_dir() else path)


def _mesh_views(mesh: Path, up: Up, rounds: int, out: Path | None, config: Config) -> ShapeRecord:
    """Drawn by Blender and kept in ``out``, or without it by rays alone."""
    need_generation(f"l3d-predict --reference {mesh}")
    from pipeline.mesh_views import save_mesh_views, traced_views
    from pipeline.shapes.mesh_file import read_mesh
    from pipeline.shapes.smoothing import smooth

    shape = read_mesh(mesh, up, config.shapes, config.importing)
    if rounds:
        shape = smooth(shape, rounds)
    if out is None:
        return traced_views(shape, config)
    views = save_mesh_views(out, shape, config, os.cpu_count() or 1)
    click.echo(f"drew views of {mesh}; --reference {views} takes them again", err=True)
    return read_views(views)


def _as_json(photograph: Photograph, detection: Detection, picture: Path | None) -> dict[str, Any]:
    found = detection.camera
    camera = None
    if found is not None:
        pose = {name: round(value, 4) for name, value in asdict(found.pose).items()}
        deviation = {name: round(value, 4) for name, value in found.deviation.items()}
        camera = {**pose, "deviation": deviation, "agreement": round(found.agreement, 4)}
        camera |= {"fits": found.fits, "alike": found.alike}
    return {
        "photograph": str(photograph.path),
        "object_by": photograph.cut_by,
        "doubts": doubts(photograph),
        "score": detection.score,
        "anomalous": detection.anomalous,
        "part": detection.part,
        "type": detection.type,
        "box": None if detection.box is None else [round(value, 2) for value in detection.box.tolist()],
        "view": None if detection.view is None else {k: round(v, 4) for k, v in asdict(detection.view).items()},
        "camera": camera,
        "picture": None if picture is None else str(picture),
    }


def _as_line(photograph: Photograph, detection: Detection) -> str:
    what = "as it should be"
    if detection.anomalous:
        what = " ".join(filter(None, (detection.part, detection.type))) or "anomalous"
    parts = [f"{click.format_filename(photograph.path)}: {what}", f"score {detection.score:.3f}"]
    if detection.anomalous and detection.box is not None:
        parts.append(f"box {' '.join(f'{value:.0f}' for value in detection.box.tolist())}")
    if detection.view is not None:
        parts.append(f"best view {detection.view.number} (azimuth {detection.view.azimuth:.0f} degrees)")
    camera = detection.camera
    if camera is not None and not camera.fits:
        parts.append(f"its outline does not fit (agreement {camera.agreement:.2f}): is this the right reference?")
    elif camera is not None and camera.alike > 1:
        parts.append(
            f"seen from elevation {camera.pose.elevation:.0f}, azimuth undetermined: it looks alike from elsewhere"
        )
    elif camera is not None:
        parts.append(f"seen from azimuth {camera.pose.azimuth:.0f}, elevation {camera.pose.elevation:.0f} degrees")
    return ", ".join([*parts, *doubts(photograph)])

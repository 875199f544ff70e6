"""``l3d-gen``: make a dataset, whole or by stage."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click
from click.core import ParameterSource

from pipeline.cli.errors import friendly
from pipeline.cli.plan_text import plan_text
from pipeline.config import Config
from pipeline.engine.run import StageSurvey, Summary
from pipeline.format.labels import ANOMALY_TYPES
from pipeline.mesh_views import save_mesh_views
from pipeline.planning.config import TypeCounts, usual_counts
from pipeline.run import open_run
from pipeline.settings.loading import load
from pipeline.shapes.config import Up
from pipeline.shapes.mesh_file import read_mesh
from pipeline.stages import NAMES


@click.command(context_settings={"show_default": True})
@click.option("--config", "preset", help="preset in configs/ or YAML file; all defaults without it")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out"), help="dataset folder")
@click.option("--source", help="partnet:DIR or synthetic:N")
@click.option("--stage", "stages", multiple=True, type=click.Choice(NAMES), help="run only this stage (repeatable)")
@click.option("--anomaly", "types", multiple=True, help=f"only this type (repeatable): {', '.join(ANOMALY_TYPES)}")
@click.option("--shape", "shapes", multiple=True, help="only this shape id (repeatable)")
@click.option("--jobs", type=click.IntRange(min=1), help="shapes worked on at once; the number of cores without it")
@click.option("--seed", type=click.IntRange(min=0), help="seed of the run")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="any setting, e.g. render.samples=32")
@click.option("--dry-run", is_flag=True, help="read the shapes, tell plan, what would be made and why, and stop")
@click.option("--overwrite", is_flag=True, help="turn an --out that holds another dataset into this one")
@click.option("--mesh", type=click.Path(path_type=Path), help="draw the reference views of this mesh file, and no more")
@click.option("--up", type=click.Choice(get_args(Up)), default="y", help="z turns up a --mesh that lies on its back")
@click.pass_context
@friendly
def main(
    context: click.Context,
    preset: str | None,
    out: Path,
    source: str | None,
    stages: tuple[str, ...],
    types: tuple[str, ...],
    shapes: tuple[str, ...],
    jobs: int | None,
    seed: int | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    overwrite: bool,
    mesh: Path | None,
    up: Up,
) -> None:
    """Make a BrokenChairs-style dataset in --out. What is finished already is not made again.

    With --mesh instead: the reference views of one mesh file of any program, as views.h5 and PNGs.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("pipeline").setLevel(logging.INFO)  # what is drawn on
    _check_together(context, mesh)
    config = _config(preset, source, types, shapes, seed, overrides)
    cores = os.cpu_count() or 1
    if mesh is not None:
        _draw_mesh(mesh, up, out, config, cores)
        return
    workers = jobs or cores
    run = open_run(config, out, workers, max(1, cores // workers), _progress, preset or "defaults", overwrite)
    if dry_run:
        plan, summary = run.plan()
        _tell_losses(summary)
        click.echo(plan_text(plan, config, workers))
        _tell_survey(run.survey())
    else:
        summary = run.execute(stages or NAMES)
        _tell(summary, out)
    if summary.lost:
        sys.exit(1)


def _check_together(context: click.Context, mesh: Path | None) -> None:
    """Raise UsageError for options that mean nothing with --mesh, or without it."""
    apart = {"up"} if mesh is None else {"source", "stages", "types", "shapes", "jobs", "dry_run", "overwrite"}
    for option in context.command.params:
        name = option.name or ""
        if name in apart and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} {'needs' if mesh is None else 'does not go with'} --mesh")


def _config(
    preset: str | None,
    source: str | None,
    types: tuple[str, ...],
    shapes: tuple[str, ...],
    seed: int | None,
    overrides: tuple[str, ...],
) -> Config:
    for name in types:
        if name not in ANOMALY_TYPES:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(ANOMALY_TYPES)}", param_hint="--anomaly")
    config = load(Config, preset, overrides, {"source": source, "seed": seed})
    if types:
        known = {**dict.fromkeys(types, usual_counts(config.plan.of_shapes)), **config.plan.types}
        off = TypeCounts(images=0)
        chosen = {name: counts if name in types else off for name, counts in known.items()}
        config = config.model_copy(update={"plan": config.plan.model_copy(update={"types": chosen})})
    return config.model_copy(update={"only_shapes": shapes}) if shapes else config


def _draw_mesh(mesh: Path, up: Up, out: Path, config: Config, cores: int) -> None:
    shape = read_mesh(mesh, up, config.shapes, config.importing)
    faces = sum(len(part.mesh.faces) for part in shape.parts)
    click.echo(", ".join([f"{mesh}: parts: {len(shape.parts)}", f"triangles: {faces}", *shape.notes]))
    views = save_mesh_views(out, shape, config, cores)
    click.echo(f"wrote {config.views.reference_views} views of {mesh.name} to {views}, and as PNG beside it")


def _progress(stage: str, finished: int, total: int) -> None:
    """A line that counts up on a terminal; about ten lines a stage in a log."""
    if sys.stderr.isatty():
        click.echo(f"\r{stage:>10} {finished:>5}/{total}", nl=finished == total, err=True)
    elif finished == total or finished % max(1, total // 10) == 0:
        click.echo(f"{stage:>10} {finished:>5}/{total}", err=True)


def _tell(summary: Summary, out: Path) -> None:
    if not summary.worked:
        click.echo(f"{out}: everything is finished and up to date, nothing to do")
    else:
        for stage in summary.stages:
            if stage.worked:
                click.echo(f"{stage.stage:>10}: {stage.worked} of {stage.units} units made in {stage.seconds:.1f} s")
    for stage in summary.stages:
        for reason, count in sorted(stage.rejects.items()):
            click.echo(f"{stage.stage:>10}: {count} x {reason}")
    _tell_losses(summary)
    if summary.stages and summary.stages[-1].stage == "report":
        click.echo(f"report: {out / 'report' / 'index.html'}")


def _tell_survey(surveys: Sequence[StageSurvey]) -> None:
    """What would be made, and why; a unit may have several reasons."""
    if not any(stage.to_make for stage in surveys):
        click.echo("everything is finished and up to date, nothing to do")
        return
    for stage in surveys:
        click.echo(f"{stage.stage:>10}: {stage.to_make} of {stage.units} units would be made ({stage.unit})")
        for reason, count in stage.reasons.most_common():
            click.echo(f"{'':>12}{count} x {reason}")


def _tell_losses(summary: Summary) -> None:
    for _, where, reason in summary.left_out:
        click.echo(f"left out of the materials: {where}: {reason}", err=True)
    for stage_name, unit, message in summary.lost:
        click.echo(f"lost in {stage_name}: {unit}: {message}", err=True)

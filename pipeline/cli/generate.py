"""``l3d-gen``: make a dataset, whole or by stage."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import get_args

import click
from click.core import ParameterSource

from pipeline.cli.errors import friendly
from pipeline.cli.plan_text import plan_text
from pipeline.cli.progress import Teller
from pipeline.config import Config
from pipeline.engine.resources import usable_cores, usable_workers
from pipeline.engine.run import Summary
from pipeline.engine.sharing import Partition
from pipeline.engine.survey import StageSurvey
from pipeline.engine.workers import Effort
from pipeline.extras import need_cluster
from pipeline.format.labels import ANOMALY_TYPES
from pipeline.mesh_views import save_mesh_views
from pipeline.one_sample import remake
from pipeline.planning.config import TypeCounts, usual_counts
from pipeline.run import Run, open_run
from pipeline.settings.loading import load
from pipeline.shapes.config import Up
from pipeline.shapes.mesh_file import read_mesh
from pipeline.stages import NAMES

#: Options of which no dataset is made, and those that mean something with them.
SINGLE = {
    "mesh": {"preset", "out", "seed", "overrides", "up"},
    "sample": {"out", "of", "keep_blend"},
}


@click.command(context_settings={"show_default": True})
@click.option("--config", "preset", help="preset in configs/ or YAML file; all defaults without it")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out"), help="dataset folder")
@click.option("--source", help="partnet:DIR or synthetic:N")
@click.option("--stage", "stages", multiple=True, type=click.Choice(NAMES), help="run only this stage (repeatable)")
@click.option("--anomaly", "types", multiple=True, help=f"only this type (repeatable): {', '.join(ANOMALY_TYPES)}")
@click.option("--shape", "shapes", multiple=True, help="only this shape id (repeatable)")
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    help="shapes worked on at once; as many as the cores and the memory are enough for without it; 0: in this process",
)
@click.option("--partition", help="i/n: be one of n such commands on one folder, at once or not, on any machines")
@click.option("--backend", type=click.Choice(["processes", "dask"]), default="processes", help="what does the work")
@click.option("--scheduler", help="of --backend dask: address of its scheduler, such as tcp://host:8786")
@click.option("--retry-failed", is_flag=True, help="try again what broke each time and was set aside")
@click.option("--unit-seconds", default=3600.0, type=click.FloatRange(min=1), help="longest that one shape may take")
@click.option("--quiet", is_flag=True, help="tell the end and what went wrong, no progress")
@click.option("--verbose", is_flag=True, help="tell every unit")
@click.option("--seed", type=click.IntRange(min=0), help="seed of the run")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="any setting, e.g. render.samples=32")
@click.option("--dry-run", is_flag=True, help="read the shapes, tell plan, what would be made and why, and stop")
@click.option("--overwrite", is_flag=True, help="turn an --out that holds another dataset into this one")
@click.option("--mesh", type=click.Path(path_type=Path), help="draw the reference views of this mesh file, and no more")
@click.option("--up", type=click.Choice(get_args(Up)), default="y", help="z turns up a --mesh that lies on its back")
@click.option("--sample", help="make this one image of a dataset again, by its name, in an --out of its own")
@click.option("--of", type=click.Path(path_type=Path), default=Path("out"), help="the dataset folder of a --sample")
@click.option("--keep-blend", is_flag=True, help="keep the scene of a --sample as a .blend file, too")
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
    partition: str | None,
    backend: str,
    scheduler: str | None,
    retry_failed: bool,
    unit_seconds: float,
    quiet: bool,
    verbose: bool,
    seed: int | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    overwrite: bool,
    mesh: Path | None,
    up: Up,
    sample: str | None,
    of: Path,
    keep_blend: bool,
) -> None:
    """Make a BrokenChairs-style dataset in --out. What is finished already is not made again.

    With --mesh instead: the reference views of one mesh file of any program, as views.h5 and PNGs. With --sample: one
    image of a dataset once more, its recipe and all on the way.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.getLogger("pipeline").setLevel(level)
    _check_together(context, {"mesh": mesh is not None, "sample": sample is not None})
    cores = usable_cores()
    if sample is not None:
        _make_again(sample, of, out, cores, keep_blend)
        return
    config = _config(preset, source, types, shapes, seed, overrides)
    if mesh is not None:
        _draw_mesh(mesh, up, out, config, cores)
        return
    workers = usable_workers() if jobs is None else jobs
    threads = max(1, cores // max(1, workers))
    if (backend == "dask") != (scheduler is not None):
        raise click.UsageError("--backend dask and --scheduler ADDRESS go together")
    if scheduler is not None:
        need_cluster()
        threads = 1  # a worker of its own for each core
    share = Partition.parse(partition) if partition else None
    effort = Effort(workers, threads, unit_seconds, retry_failed, share, scheduler or "")
    with _ended_by_signals(out), open_run(config, out, effort, Teller(quiet), preset or "defaults", overwrite) as run:
        summary = _do(run, config, out, stages, dry_run)
    if summary.lost:
        sys.exit(1)


def _do(run: Run, config: Config, out: Path, stages: Sequence[str], dry_run: bool) -> Summary:
    if dry_run:
        plan, summary = run.plan()
        _tell_losses(summary)
        click.echo(plan_text(plan, config, max(1, run.effort.jobs)))
        _tell_survey(run.survey())
    else:
        summary = run.execute(stages or NAMES)
        _tell(summary, out)
    return summary


@contextmanager
def _ended_by_signals(out: Path) -> Iterator[None]:
    """Have Ctrl-C, and what ends a batch job, leave a folder that can be gone on with, and no process at work."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _Interrupted(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as under nohup
            signal.signal(number, interrupt)
    try:
        yield
    except _Interrupted as interrupted:
        click.echo(
            f"\nstopped by {signal.Signals(interrupted.number).name}: what is finished is kept in {out}; the same "
            "command goes on with it",
            err=True,
        )
        sys.exit(128 + interrupted.number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Interrupted(BaseException):
    """A signal asks this program to end."""

    def __init__(self, number: int) -> None:
        self.number = number


def _check_together(context: click.Context, asked: Mapping[str, bool]) -> None:
    """Raise UsageError for options that mean nothing with --mesh or --sample, or without."""
    own = {name for kind, names in SINGLE.items() for name in names - {"preset", "out", "seed", "overrides"}}
    for option in context.command.params:
        name = option.name or ""
        if name in SINGLE or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        for kind, names in SINGLE.items():
            if asked[kind] and name not in names:
                raise click.UsageError(f"{option.opts[0]} does not go with --{kind}")
            if not asked[kind] and name in names & own:
                raise click.UsageError(f"{option.opts[0]} needs --{kind}")
    if all(asked.values()):
        raise click.UsageError("--sample does not go with --mesh")


def _make_again(name: str, dataset: Path, out: Path, cores: int, keep_blend: bool) -> None:
    made = remake(dataset, name, out, cores, keep_blend)
    click.echo(f"wrote {made.picture}, its recipe beside it")
    if keep_blend:
        click.echo(f"wrote {made.picture.with_suffix('.blend')}")
    if made.refused:
        click.echo(f"the dataset does not hold it: {', '.join(made.refused)}")
    elif made.shard is None:
        click.echo(f"{dataset} has no shard that holds it")
    elif made.unlike:
        click.echo(f"it is unlike that of {made.shard} in {', '.join(made.unlike)}", err=True)
        sys.exit(1)
    else:
        click.echo(f"it is the same as in {made.shard}, to the last byte")


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


def _tell(summary: Summary, out: Path) -> None:
    if not summary.worked:
        click.echo(f"{out}: everything is finished and up to date, nothing to do")
    else:
        for stage in summary.stages:
            if stage.worked:
                own = f"{stage.worked} of {stage.units} units made in {stage.seconds:.1f} s"
                counted = stage.counted == "images"
                click.echo(f"{stage.stage:>10}: {own}{f', {stage.size} images' if counted else ''}")
    for stage in summary.stages:
        for reason, count in sorted(stage.rejects.items()):
            click.echo(f"{stage.stage:>10}: {count} x {reason}")
    _tell_losses(summary)
    if failed := sum(stage.failed for stage in summary.stages):
        click.echo(
            f"{failed} units broke each time they were tried, and are set aside: l3d-data status {out} tells why, and "
            "--retry-failed tries them again",
            err=True,
        )
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

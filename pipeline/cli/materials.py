"""``l3d-data materials``: the library's materials as contact sheets."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from materials.material import MATERIAL_CLASSES
from pipeline.appearance.library import make_library
from pipeline.cli.errors import friendly
from pipeline.config import Config
from pipeline.rendering.preview import METRES_PER_RADIUS, VIEWS, preview, sheet
from pipeline.settings.loading import load


@click.command("materials")
@click.option("--config", "preset", help="preset or YAML file whose materials are shown; all defaults without it")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="any setting, e.g. materials.builtin=0")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="folder for the sheets")
@friendly
def main(preset: str | None, overrides: tuple[str, ...], out: Path) -> None:
    """Draw the library's materials on a cushion and a leg: one contact sheet a class, in --out."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    config = load(Config, preset, overrides)
    settings = config.materials.model_copy(update={"metres_per_radius": METRES_PER_RADIUS})
    library, left_out = make_library(settings, VIEWS, out / "maps")
    out.mkdir(parents=True, exist_ok=True)
    for material_class in MATERIAL_CLASSES:
        shown = library.of_class(material_class)
        if shown:
            images = preview(shown, out / "maps", config.render, os.cpu_count() or 1)
            sheet(shown, images).save(out / f"{material_class}.png")
            click.echo(f"{out / material_class}.png: {len(shown)} materials")
    for item in left_out:
        click.echo(f"left out: {item.where}: {item.reason}", err=True)

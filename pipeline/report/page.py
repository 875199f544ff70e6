"""The report: ``index.html`` with its pictures, ``statistics.json`` and ``DATASET_CARD.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from pipeline.files import atomic, write_json
from pipeline.format import schema
from pipeline.format.origin import find_origins
from pipeline.format.part_groups import PAPER_IMAGES
from pipeline.format.reader import Shard, format_versions
from pipeline.report import paper, samples, text
from pipeline.report.notes import Notes
from pipeline.report.statistics import statistics

#: Samples of each type that the page shows.
PER_TYPE = 12


@dataclass(frozen=True)
class Picture:
    """One drawn sample on the page; file is relative to ``index.html``."""

    file: str
    sample: samples.Sample


@dataclass(frozen=True)
class Sizes:
    """Those of the images, and of the reference views a shape, in the first shard."""

    height: int
    width: int
    views: int


def write_report(out_dir: Path, shards: Sequence[Path], notes: Notes, limit_per_type: int) -> None:
    """Write the whole report into ``out_dir``; the page shows at most ``limit_per_type`` samples a type.

    Pictures of an earlier report that are no longer shown are removed.
    """
    counted = statistics(shards)
    gallery = {kind: _draw(out_dir, shards, kind, limit_per_type) for kind in samples.shown_types(shards)}
    shown = {out_dir / picture.file for pictures in gallery.values() for picture in pictures}
    for old in set((out_dir / "images").glob("*.jpg")) - shown:
        old.unlink()
    write_json(out_dir / "statistics.json", {**asdict(counted), **asdict(notes)})
    context = {
        "stats": counted,
        "notes": notes,
        "gallery": gallery,
        "sizes": _sizes(shards[0]),
        "versions": format_versions(shards),
        "origins": find_origins(shards),
        "paper_parts": PAPER_IMAGES,
    }
    for template, name in (("index.html.j2", "index.html"), ("DATASET_CARD.md.j2", "DATASET_CARD.md")):
        with atomic(out_dir / name) as temporary:
            temporary.write_text(_render(template, context), encoding="utf-8")


def _draw(out_dir: Path, shards: Sequence[Path], kind: str, limit: int) -> list[Picture]:
    pictures = []
    for sample in samples.pick(shards, kind, limit):
        picture = Picture(f"images/{sample.query.name}.jpg", sample)
        with atomic(out_dir / picture.file) as temporary:
            samples.draw_sample(sample).save(temporary, quality=90)
        pictures.append(picture)
    return pictures


def _sizes(path: Path) -> Sizes:
    with Shard(path) as shard:
        views, height, width = shard.row("shapes", "image", 0).shape
    return Sizes(height, width, views)


def _in_markdown(value: Any) -> Any:
    """A value in Markdown, where a label must begin no tag of HTML and end no cell."""
    return value if hasattr(value, "__html__") else str(value).replace("<", "&lt;").replace("|", "\\|")


def _render(template: str, context: Mapping[str, Any]) -> str:
    is_page = template.endswith(".html.j2")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report"),
        autoescape=is_page,
        finalize=None if is_page else _in_markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(context, paper=paper, schema=schema, text=text, samples=samples)

"""Choosing and drawing samples for people to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.format.labels import LABELS, NORMAL
from pipeline.format.reader import Shard
from pipeline.format.schema import QueryRecord

#: Okabe-Ito colours, told apart with any colour vision.
NEW_COLOUR, OLD_COLOUR, BOX_COLOUR = "#d55e00", "#0072b2", "#009e73"
TILE = 256  # pixels along the edge of a drawn image


@dataclass(frozen=True)
class Sample:
    """A query and, of its intact shape, the reference view (H, W) from the nearest direction."""

    query: QueryRecord
    reference: NDArray[np.uint8]
    shape_id: str
    split: str


def shown_types(shards: Sequence[Path]) -> tuple[str, ...]:
    """All anomaly types, also those that only the files know, and normal last."""
    names = list(LABELS)
    for path in shards:
        with Shard(path) as shard:
            names += shard.type_names
    return (*(name for name in dict.fromkeys(names) if name != NORMAL), NORMAL)


def pick(shards: Sequence[Path], kind: str, limit: int) -> Iterator[Sample]:
    """At most ``limit`` samples of one type, evenly spread over the dataset: no chance, many shapes."""
    rows: list[tuple[Path, int]] = []
    for path in shards:
        with Shard(path) as shard:
            types = np.array(shard.type_names)[shard.column("queries", "anomaly_type")]
            rows += [(path, int(row)) for row in np.flatnonzero(types == kind)]
    count = min(limit, len(rows))
    for i in range(count):
        path, row = rows[i * len(rows) // count]
        with Shard(path) as shard:
            yield _load(shard, row)


def _load(shard: Shard, row: int) -> Sample:
    query = shard.query(row)
    shape_row = shard.row("queries", "shape_index", row)
    axes = shard.row("shapes", "world_to_camera", shape_row)[:, 2, :3]  # each camera's z axis in the world
    nearest = int(np.argmax(axes @ query.world_to_camera[2, :3]))
    reference = shard.row("shapes", "image", shape_row)[nearest]
    return Sample(query, reference, shard.row("shapes", "id", shape_row), shard.split)


def draw_query(query: QueryRecord, tile: int = TILE, contours: bool = True) -> Image.Image:
    """The query at ``tile`` pixels with the box of every anomaly and, just outside them, the outlines of both masks."""
    picture = _fit(query.image, tile).convert("RGB")
    if contours:
        for mask, colour in ((query.mask_old, OLD_COLOUR), (query.mask_new, NEW_COLOUR)):
            region = Image.fromarray(mask).resize((tile, tile), Image.Resampling.NEAREST)
            outline = np.asarray(region.filter(ImageFilter.MaxFilter(5))) > np.asarray(region)
            picture.paste(Image.new("RGB", picture.size, colour), mask=Image.fromarray(outline))
    scale, margin = tile / query.image.shape[1], 4
    for anomaly in query.anomalies:
        x, y, w, h = (anomaly.bbox * scale).tolist()
        corners = [max(x - margin, 0), max(y - margin, 0), min(x + w + margin, tile) - 1, min(y + h + margin, tile) - 1]
        ImageDraw.Draw(picture).rectangle(corners, outline=BOX_COLOUR, width=2)
    return picture


def draw_sample(sample: Sample) -> Image.Image:
    """Three tiles side by side: the plain query, the query with masks and box, the intact reference view."""
    strip = Image.new("RGB", (3 * TILE, TILE), "white")
    tiles = (_fit(sample.query.image, TILE), draw_query(sample.query), _fit(sample.reference, TILE).convert("RGB"))
    for i, tile in enumerate(tiles):
        strip.paste(tile, (i * TILE, 0))
    return strip


def contact_sheet(shards: Sequence[Path], path: Path, columns: int = 6, tile: int = 160) -> None:
    """One PNG: a row for each anomaly type and one for normal, each cell a query with its box.

    Types without images have no row. Raises PipelineError where there are no images at all.
    """
    rows = [(kind, list(pick(shards, kind, columns))) for kind in shown_types(shards)]
    rows = [(kind, samples) for kind, samples in rows if samples]
    if not rows:
        raise PipelineError(f"no images to draw in {', '.join(str(shard) for shard in shards)}")
    margin, gap = 90, 4
    sheet = Image.new("RGB", (margin + columns * (tile + gap), len(rows) * (tile + gap) + gap), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for i, (kind, samples) in enumerate(rows):
        top = gap + i * (tile + gap)
        pen.text((margin - 8, top + tile / 2), kind, fill="black", font=font, anchor="rm")
        for j, sample in enumerate(samples):
            sheet.paste(draw_query(sample.query, tile, contours=False), (margin + j * (tile + gap), top))
    with atomic(path) as temporary:
        sheet.save(temporary)


def _fit(pixels: NDArray[np.uint8], tile: int) -> Image.Image:
    return Image.fromarray(pixels).resize((tile, tile), Image.Resampling.LANCZOS)

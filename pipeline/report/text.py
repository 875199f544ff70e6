"""Numbers as people read them: in the terminal and in the templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.config import Config
from pipeline.exchange.brokenchairs.importing import LeftOut
from pipeline.format import schema
from pipeline.format.labels import ANOMALY_TYPES, SEVERAL, SURFACE_TYPES
from pipeline.format.origin import find_origins
from pipeline.format.part_groups import PAPER_IMAGES
from pipeline.format.reader import Shard
from pipeline.planning.estimate import estimate
from pipeline.planning.plan import Plan
from pipeline.planning.summary import group_counts, image_counts
from pipeline.report.paper import PAPER_TABLE, Counts, count_table, kinds
from pipeline.report.statistics import Statistics


def views_text(counts: Counts) -> str:
    """Table 1's ``min,max,median``."""
    low, high, median = counts.views
    return f"{low},{high},{median:g}"


def table_rows(table: Mapping[str, Counts], columns: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The three lines of Table 1: name and one cell a column, empty where the table lacks it."""
    cells = [table.get(column) for column in columns]
    return [
        ("shapes", [f"{counts.shapes:,}" if counts else "" for counts in cells]),
        ("images", [f"{counts.images:,}" if counts else "" for counts in cells]),
        ("views per shape", [views_text(counts) if counts else "" for counts in cells]),
    ]


def beside_paper(table: Mapping[str, Counts], name: str) -> str:
    """Table 1 of what ``name`` says, above the paper's, as aligned text."""
    cells = [["", "", *table]]
    for (row, ours), (_, paper) in zip(table_rows(table, table), table_rows(PAPER_TABLE, table), strict=True):
        cells += [[row, name, *ours], ["", "paper", *paper]]
    return aligned(cells)


def table_text(statistics: Statistics) -> str:
    """Table 1, this dataset above the paper's, and the splits, as aligned text."""
    splits = [["split", "shapes", "images", "anomalous"]]
    for split, counts in statistics.splits.items():
        splits.append([split, f"{counts.shapes:,}", f"{counts.images:,}", f"{counts.anomalous:,}"])
    return f"{beside_paper(statistics.table, 'this dataset')}\n\n{aligned(splits)}"


def present_kinds(statistics: Statistics) -> list[str]:
    """The anomaly types that there are, those of images with several too."""
    return [kind for kind, spread in statistics.mask_share.items() if spread.quantiles]


def extent_text(statistics: Statistics) -> str:
    """How many anomalies an image has, and of what kind they are."""
    present = present_kinds(statistics)
    if not present:
        return "no anomalies"
    several = statistics.table[SEVERAL].images if SEVERAL in statistics.table else 0
    surface = [kind for kind in present if kind in SURFACE_TYPES]
    foreign = [kind for kind in present if kind not in ANOMALY_TYPES]
    kinds = {
        "of shape": len(present) > len(surface) + len(foreign),
        f"of colour or texture ({', '.join(surface)})": bool(surface),
        f"of types that only the source knows ({', '.join(foreign)})": bool(foreign),
    }
    count = "one anomaly an image" + (f", more in {several:,} images" if several else "")
    none = "" if surface or foreign else ", none of colour or texture"
    return f"{count}; anomalies {' and '.join(text for text, there in kinds.items() if there)}{none}"


def plan_text(plan: Plan, config: Config, workers: int) -> str:
    """A plan as Table 1 beside the paper's, its images by part group, and what it will cost."""
    by_group = group_counts(plan)
    types = kinds({kind for _, kind in by_group})
    groups = dict.fromkeys((*PAPER_IMAGES, *sorted({group for group, _ in by_group})))
    published, planned = sum(PAPER_IMAGES.values()), max(1, by_group.total())
    cells = [["images by part", *types, "all", "share", "paper"]]
    for group in groups:
        row = [by_group[group, kind] for kind in types]
        paper = f"{PAPER_IMAGES[group] / published:.1%}" if group in PAPER_IMAGES else ""
        cells.append([group, *(f"{n:,}" for n in row), f"{sum(row):,}", f"{sum(row) / planned:.1%}", paper])
    cost = estimate(plan, config.views, config.render)
    hours = cost.core_seconds / 3600 / workers
    return (
        f"{beside_paper(count_table(image_counts(plan)), 'plan')}\n\n{aligned(cells)}\n\n"
        f"about {hours:,.1f} hours with {workers} workers of one core each, and {cost.bytes / 1e9:,.1f} GB"
    )


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Rows of cells as right-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def info_text(shards: Sequence[Path]) -> str:
    """One line a shard: its sizes, bytes and fingerprint; then the totals, and where the shapes come from."""
    cells = [["shard", "shapes", "images", "resolution", "views", "MB", "fingerprint"]]
    totals = [0, 0, 0.0]
    for path in shards:
        with Shard(path) as shard:
            views, height, width = shard.row("shapes", "image", 0).shape
            size = path.stat().st_size / 1e6
            counts = (shard.shape_count, shard.query_count, size)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
            row = [path.name, f"{counts[0]:,}", f"{counts[1]:,}", f"{width}x{height}", str(views), f"{size:.1f}"]
            cells.append([*row, shard.fingerprint[:12]])
    cells.append(["total", f"{totals[0]:,}", f"{totals[1]:,}", "", "", f"{totals[2]:.1f}", ""])
    origins = find_origins(shards)
    told = (f"origin: {o.text}" + (f" ({', '.join(o.shards)})" if len(origins) > 1 else "") for o in origins)
    return "\n".join([f"{schema.FORMAT} version {schema.VERSION}", aligned(cells), *told])


def left_out_text(left_out: Sequence[LeftOut]) -> str:
    """What an import left out: a line for each reason, with the first case of it; empty for nothing."""
    lines = ""
    for reason in dict.fromkeys(item.reason for item in left_out):
        own = [item for item in left_out if item.reason == reason]
        lines += f"left out: {reason}: {len(own)} ({sum(item.images for item in own)} images), e.g. {own[0].message}\n"
    return lines

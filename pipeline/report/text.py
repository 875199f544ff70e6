"""Numbers as people read them: in the terminal and in the templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.format import schema
from pipeline.format.labels import ANOMALY_TYPES, SEVERAL, SURFACE_TYPES
from pipeline.format.origin import find_origins
from pipeline.format.reader import Shard, format_versions
from pipeline.report.paper import PAPER_TABLE, Counts
from pipeline.report.statistics import Statistics


def per_shape_text(counts: Counts) -> str:
    """Table 1's ``min,max,median``."""
    low, high, median = counts.images_per_shape
    return f"{low},{high},{median:g}"


def table_rows(table: Mapping[str, Counts], columns: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The three lines of Table 1: name and one cell a column, empty where the table lacks it."""
    cells = [table.get(column) for column in columns]
    return [
        ("shapes", [f"{counts.shapes:,}" if counts else "" for counts in cells]),
        ("images", [f"{counts.images:,}" if counts else "" for counts in cells]),
        ("images per shape", [per_shape_text(counts) if counts else "" for counts in cells]),
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
    return "\n".join([f"{schema.FORMAT} version {format_versions(shards)}", aligned(cells), *told])

"""A plan as ``l3d-gen --dry-run`` prints it."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.format.part_groups import PAPER_IMAGES
from pipeline.planning.estimate import estimate
from pipeline.planning.plan import Plan
from pipeline.planning.summary import group_counts, image_counts
from pipeline.report.paper import count_table, kinds
from pipeline.report.text import aligned, beside_paper


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
    cost = estimate(plan, config)
    hours = cost.core_seconds / 3600 / workers
    return (
        f"{beside_paper(count_table(image_counts(plan)), 'plan')}\n\n{aligned(cells)}\n\n"
        f"about {hours:,.1f} hours with {workers} workers of one core each, and {cost.bytes / 1e9:,.1f} GB"
    )

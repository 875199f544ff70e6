"""Counting what a plan holds."""

from __future__ import annotations

from collections import Counter

from pipeline.format.labels import NORMAL, SEVERAL
from pipeline.format.part_groups import part_group
from pipeline.planning.plan import Plan


def image_counts(plan: Plan) -> Counter[tuple[str, str]]:
    """(shape id, anomaly type, ``several`` or ``normal``) -> images."""
    counts: Counter[tuple[str, str]] = Counter()
    for shape_id, shape in plan.items():
        counts[shape_id, NORMAL] += shape.normal_images
        counts[shape_id, SEVERAL] += sum(combination.images for combination in shape.several)
        for anomaly in shape.anomalies:
            counts[shape_id, anomaly.type] += anomaly.images
    return +counts


def group_counts(plan: Plan) -> Counter[tuple[str, str]]:
    """(part group, anomaly type) -> images."""
    counts: Counter[tuple[str, str]] = Counter()
    for shape in plan.values():
        for anomaly in shape.anomalies:
            counts[part_group(anomaly.label), anomaly.type] += anomaly.images
    return counts

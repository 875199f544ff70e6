"""Splits share no shape, and no model that two shapes annotate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from pipeline.format.labels import SPLITS
from pipeline.planning.config import SplitConfig
from pipeline.seeding import uniforms


def assign_splits(models: Mapping[str, str], config: SplitConfig, seed: int) -> dict[str, str]:
    """Split of every shape id: models in a random order, cut at the configured shares.

    ``models``: shape id -> the model it annotates ('' counts as a model of its own). PartNet annotates
    some models twice; both annotations go to one split. With as many models as splits or more, every
    split with a share above 0 gets at least one.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for shape_id in sorted(models):
        groups[models[shape_id] or f"shape {shape_id}"].append(shape_id)
    luck = uniforms(seed, "split", keys=groups)
    order = [model for _, model in sorted(zip(luck, groups, strict=True))]
    shares = {split: getattr(config, split) for split in SPLITS}
    counts = {split: round(share * len(order)) for split, share in shares.items()}
    wanted = [split for split in SPLITS if shares[split] > 0]
    if len(order) >= len(wanted):
        counts |= {split: max(1, counts[split]) for split in wanted}
    *others, largest = sorted(wanted, key=lambda split: shares[split])
    counts[largest] += len(order) - sum(counts.values())
    # The largest lies between the others: where one of these loses a model or gets one, no border but theirs moves.
    labels = [split for split in (*others[:1], largest, *others[1:]) for _ in range(counts[split])]
    return {i: split for model, split in zip(order, labels, strict=True) for i in groups[model]}

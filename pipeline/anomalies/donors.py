"""The catalogue of parts that may be exchanged between the shapes of one split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.anomalies.candidates import part_nodes
from pipeline.anomalies.measure import join
from pipeline.shapes.shape import Shape


@dataclass(frozen=True)
class Donor:
    """One node of one shape: its label path, part ids and the (x, y, z) size of its bounding box."""

    shape_id: str
    label: str
    part_ids: tuple[int, ...]
    extents: tuple[float, float, float]


def donor_entries(shape: Shape) -> list[dict[str, Any]]:
    """The shape's nodes as JSON-serialisable entries, to be stored and given to ``Donors.from_entries``."""
    entries = []
    for node in part_nodes(shape):
        extents = np.ptp(join(shape.part(i).mesh for i in node.part_ids).bounds, axis=0)
        x, y, z = (round(float(extent), 6) for extent in extents)
        entries.append(asdict(Donor(shape.shape_id, node.label, node.part_ids, (x, y, z))))
    return entries


class Donors:
    """Donors by label, and how to load the shape that one belongs to.

    Holds a few numbers a node, so that all shapes of a split fit in memory; meshes come from
    ``load(shape_id)`` when a donor is used. A label path starts with the category, so that no table's
    leg gets under a chair.
    """

    def __init__(self, donors: Iterable[Donor], load: Callable[[str], Shape]) -> None:
        self.load = load
        self._by_label: dict[str, list[Donor]] = defaultdict(list)
        # Sorted, so that the order in which a stage finished its shapes decides nothing.
        for donor in sorted(donors, key=lambda d: (d.shape_id, d.part_ids)):
            self._by_label[donor.label].append(donor)

    @classmethod
    def from_entries(cls, entries: Iterable[Mapping[str, Any]], load: Callable[[str], Shape]) -> Donors:
        """Build the catalogue from what ``donor_entries`` gave for each shape of the split."""
        return cls((Donor(e["shape_id"], e["label"], tuple(e["part_ids"]), tuple(e["extents"])) for e in entries), load)

    def same_label(self, label: str) -> Sequence[Donor]:
        """Donors with exactly this label path."""
        return self._by_label.get(label, ())

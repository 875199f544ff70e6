"""The catalogue of parts that may be exchanged between the shapes of one split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.anomalies.targets.nodes import Node
from pipeline.format.part_groups import part_group
from pipeline.shapes.shape import Shape

#: How the names of parts end that are pieces of what their group is called.
PIECES = ("bar", "stretcher", "connector", "runner", "rocker", "caster", "wheel")


@dataclass(frozen=True)
class Donor:
    """One node of one shape."""

    shape_id: str
    node: Node


@dataclass(frozen=True)
class Pool:
    """Donors that are alike. extents: (n, 3) their bounding boxes' sizes."""

    donors: tuple[Donor, ...]
    extents: NDArray[np.float64]

    @staticmethod
    def of(donors: Sequence[Donor]) -> Pool:
        return Pool(tuple(donors), np.array([d.node.extents for d in donors]).reshape(-1, 3))


class Donors:
    """Donors by label and by kind, and how to load the shape that one belongs to.

    Holds a few numbers a node, so that all shapes of a split fit in memory; meshes come from
    ``load(shape_id)`` when a donor is used. A label path starts with the category, so that no table's
    leg gets under a chair.
    """

    def __init__(self, nodes: Mapping[str, Sequence[Node]], load: Callable[[str], Shape]) -> None:
        """``nodes``: shape id -> its nodes."""
        self.load = load
        by_label: dict[str, list[Donor]] = defaultdict(list)
        by_kind: dict[tuple[str, str, str], list[Donor]] = defaultdict(list)
        # Sorted, so that the order in which a stage finished its shapes decides nothing.
        for shape_id in sorted(nodes):
            for node in nodes[shape_id]:
                if node.instances == 1:
                    by_label[node.label].append(Donor(shape_id, node))
                    by_kind[slot_kind(node.label)].append(Donor(shape_id, node))
        self._by_label = {label: Pool.of(donors) for label, donors in by_label.items()}
        self._by_kind = {kind: Pool.of(donors) for kind, donors in by_kind.items()}

    def same_label(self, label: str) -> Pool:
        """Donors with exactly this label path."""
        return self._by_label.get(label, Pool.of(()))

    def same_kind(self, label: str) -> Pool:
        """Donors of the same kind (``slot_kind``) as this label path, those of the same label among them."""
        return self._by_kind.get(slot_kind(label), Pool.of(()))


def slot_kind(label: str) -> tuple[str, str, str]:
    """Category, part group and, of what is a piece of something, its own name: parts of one kind may take each other's
    place. A back of bars may stand in for a padded one, but no stretcher for a leg, and no single bar for a back.
    """
    names = label.split("/")
    return names[0], part_group(label), names[-1] if names[-1].endswith(PIECES) else ""

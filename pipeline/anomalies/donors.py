"""The catalogue of parts that may be exchanged between the shapes of one split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.anomalies.groups import part_group
from pipeline.anomalies.nodes import Node
from pipeline.shapes.shape import Shape

#: How the names of parts end that are pieces of what their group is called.
PIECES = ("bar", "stretcher", "connector", "runner", "rocker", "caster", "wheel")


@dataclass(frozen=True)
class Donor:
    """One node of one shape."""

    shape_id: str
    node: Node


class Donors:
    """Donors by label and by kind, and how to load the shape that one belongs to.

    Holds a few numbers a node, so that all shapes of a split fit in memory; meshes come from
    ``load(shape_id)`` when a donor is used. A label path starts with the category, so that no table's
    leg gets under a chair.
    """

    def __init__(self, nodes: Mapping[str, Sequence[Node]], load: Callable[[str], Shape]) -> None:
        """``nodes``: shape id -> its nodes."""
        self.load = load
        self._by_label: dict[str, list[Donor]] = defaultdict(list)
        self._by_kind: dict[tuple[str, str, str], list[Donor]] = defaultdict(list)
        # Sorted, so that the order in which a stage finished its shapes decides nothing.
        for shape_id in sorted(nodes):
            for node in nodes[shape_id]:
                if node.instances == 1:
                    donor = Donor(shape_id, node)
                    self._by_label[node.label].append(donor)
                    self._by_kind[slot_kind(node.label)].append(donor)

    def same_label(self, label: str, but: str) -> Sequence[Donor]:
        """Donors with exactly this label path, of other shapes than ``but``."""
        return [d for d in self._by_label.get(label, ()) if d.shape_id != but]

    def same_kind(self, label: str, but: str) -> Sequence[Donor]:
        """Donors of the same kind (``slot_kind``) as this label path, of other shapes than ``but``."""
        return [d for d in self._by_kind.get(slot_kind(label), ()) if d.shape_id != but]


def slot_kind(label: str) -> tuple[str, str, str]:
    """Category, part group and, of what is a piece of something, its own name: parts of one kind may take each other's
    place. A back of bars may stand in for a padded one, but no stretcher for a leg, and no single bar for a back.
    """
    names = label.split("/")
    return names[0], part_group(label), names[-1] if names[-1].endswith(PIECES) else ""

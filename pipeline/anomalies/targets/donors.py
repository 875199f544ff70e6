"""Which parts of other shapes may take a part's place, and which of them it is that are tried."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from pipeline.anomalies.alignment import MIN_EXTENT
from pipeline.anomalies.config import SwappedConfig
from pipeline.anomalies.targets.nodes import Node
from pipeline.format.part_groups import part_group
from pipeline.seeding import hashes
from pipeline.shapes.shape import Shape

#: How the names of parts end that are pieces of what their group is called.
PIECES = ("bar", "stretcher", "connector", "runner", "rocker", "caster", "wheel")
#: Donors named for a part, if there are so many.
NAMED = 4
#: Proportions that differ by no more than this are the same.
SAME_PROPORTIONS = 1.1
#: A donor that keeps its proportions may have a diagonal so many times the target's.
HARDLY_LARGER = 1.2
#: Parts that are alike lie in so many buckets.
BUCKETS = 2048


@dataclass(frozen=True)
class Donor:
    """One node of one shape."""

    shape_id: str
    part_ids: tuple[int, ...]
    label: str


@dataclass(frozen=True)
class Donors:
    """The donors that may be tried for each target, by its part ids, and how to load the shape that one belongs to."""

    named: Mapping[tuple[int, ...], Sequence[Donor]]
    load: Callable[[str], Shape]

    def of(self, target: Node) -> Sequence[Donor]:
        return self.named.get(target.part_ids, ())


class Catalogue:
    """The parts of one split's shapes, which may take each other's place.

    Every part meets the others in a random order of its own. Its donors are the first of them that fit by the size of
    their boxes, those of its label before others of its kind. So all parts are named about equally often, and
    a shape that none of a part's donors belongs to can go, and leaves them as they are. A label path
    starts with the category, so that no table's leg gets under a chair.
    """

    def __init__(self, nodes: Mapping[str, Sequence[Node]], config: SwappedConfig, seed: int) -> None:
        """``nodes``: shape id -> its nodes."""
        self._config, self._seed = config, seed
        parts = [(shape_id, node) for shape_id, own in nodes.items() for node in own if node.instances == 1]
        luck = hashes(seed, "donors", keys=(f"{shape_id} {node.part_ids}" for shape_id, node in parts))
        by_kind: dict[tuple[str, str, str], dict[str, list[_Part]]] = defaultdict(lambda: defaultdict(list))
        for (shape_id, node), number in zip(parts, luck, strict=True):
            part = _Part(int(number), Donor(shape_id, node.part_ids, node.label), _size(node))
            by_kind[slot_kind(node.label)][node.label].append(part)
        self._pools: dict[str, tuple[_Pool, _Pool]] = {}
        for labels in by_kind.values():
            for label, alike in labels.items():
                others = [part for other, own in labels.items() if other != label for part in own]
                self._pools[label] = _Pool(alike), _Pool(others)

    def has_like(self, shape_id: str, node: Node) -> bool:
        """Whether another shape has a part of the node's kind, of whatever size."""
        return any(not pool.shape_ids <= {shape_id} for pool in self._pools.get(node.label, ()))

    def donors(self, shape_id: str, node: Node) -> tuple[Donor, ...]:
        """At most ``NAMED`` donors for a node of the shape; none where no part of another shape fits."""
        key = int(hashes(self._seed, "donors", "target", *node.part_ids, keys=[shape_id])[0])
        slot, limits = _size(node), self._config.scale_limits
        fitting = (
            part.donor
            for pool in self._pools.get(node.label, ())
            for part in pool.walk(key)
            if part.donor.shape_id != shape_id and any(fit_boxes(slot, part.size, limits))
        )
        return tuple(islice(fitting, NAMED))


class _Part(NamedTuple):
    luck: int
    donor: Donor
    size: Sequence[float]


class _Pool:
    """Parts that are alike, in ``BUCKETS`` buckets by their luck, so that few are looked at for most targets."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self.shape_ids = {part.donor.shape_id for part in parts}
        self._buckets: dict[int, list[_Part]] = defaultdict(list)
        for part in parts:
            self._buckets[part.luck % BUCKETS].append(part)

    def walk(self, key: int) -> Iterator[_Part]:
        """All parts in the order that belongs to the key, 64 random bits: each bucket once, in steps of its own."""
        start, step = key >> 32, key | 1  # an odd step misses no bucket
        for number in range(BUCKETS if self._buckets else 0):
            bucket = self._buckets.get((start + number * step) % BUCKETS, ())
            yield from sorted(bucket, key=lambda part: part.luck ^ key)


def _size(node: Node) -> Sequence[float]:
    return [max(MIN_EXTENT, extent) for extent in node.extents]


def fit_boxes(slot: Sequence[float], donor: Sequence[float], scale_limits: tuple[float, float]) -> tuple[bool, bool]:
    """Whether a donor's box fits a slot, by their sizes (x, y, z > 0): by filling the slot's box, and by its longest side.

    One that keeps its proportions may be thicker or thinner than the original by the square of the
    limits, but hardly larger: a stool's column makes no room for four legs as tall.
    """
    low, high = scale_limits
    ratios = [own / other for own, other in zip(slot, donor, strict=True)]
    uniform = ratios[slot.index(max(slot))]
    least, most = min(ratios), max(ratios)
    fills = low <= least and most <= high
    # One that has the slot's proportions is to lie on the original, so that a twin is seen to be one.
    alike = fills and most <= SAME_PROPORTIONS * least
    in_limits = low <= uniform <= high and low**2 <= least / uniform and most / uniform <= high**2
    larger = uniform * math.hypot(*donor) / math.hypot(*slot)
    return fills, in_limits and larger <= HARDLY_LARGER and not alike


def slot_kind(label: str) -> tuple[str, str, str]:
    """Category, part group and, of what is a piece of something, its own name: parts of one kind may take each other's
    place. A back of bars may stand in for a padded one, but no stretcher for a leg, and no single bar for a back.
    """
    names = label.split("/")
    return names[0], part_group(label), names[-1] if names[-1].endswith(PIECES) else ""

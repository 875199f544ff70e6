"""Which parts of other shapes may take a part's place, and which of them it is that are tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

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
#: Donors lie in buckets by the first eight bits of their hashes: to look through all of them takes too long.
BUCKET_SHIFT = np.uint64(64 - 8)

_Entry = tuple[str, Node]
Sizes = NDArray[np.float64]
Hashes = NDArray[np.uint64]


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

    Every part meets the others in an order of its own, by hashes of the two (rendezvous hashing); its donors are
    the first of them that fit by the size of their boxes, those of its label before others of its kind. So all parts
    are named about equally often, and a shape that none of a part's donors belongs to can go, and leaves them as
    they are. A label path starts with the category, so that no table's leg gets under a chair.
    """

    def __init__(self, nodes: Mapping[str, Sequence[Node]], config: SwappedConfig, seed: int) -> None:
        """``nodes``: shape id -> its nodes."""
        self._config, self._seed = config, seed
        kinds: dict[tuple[str, str, str], dict[str, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
        for shape_id, own in nodes.items():
            for node in own:
                if node.instances == 1:
                    kinds[slot_kind(node.label)][node.label].append((shape_id, node))
        self._pools: dict[str, tuple[_Pool, _Pool]] = {}
        for labels in kinds.values():
            for label, alike in labels.items():
                others = [entry for other, entries in labels.items() if other != label for entry in entries]
                self._pools[label] = _Pool(alike, seed), _Pool(others, seed)

    def has_like(self, shape_id: str, node: Node) -> bool:
        """Whether another shape has a part of the node's kind, of whatever size."""
        return any(not pool.shape_ids <= {shape_id} for pool in self._pools.get(node.label, ()))

    def donors(self, shape_id: str, node: Node) -> tuple[Donor, ...]:
        """At most ``NAMED`` donors for a node of the shape; none where no part of another shape fits."""
        key = hashes(self._seed, "donors", "target", *node.part_ids, keys=[shape_id])
        slot = np.array(node.extents)
        found = (
            pool.donors[place]
            for pool in self._pools.get(node.label, ())
            for places in pool.walk(key)
            for place in places[fit_boxes(slot, pool.extents[places], self._config.scale_limits).any(axis=1)]
        )
        return tuple(islice((donor for donor in found if donor.shape_id != shape_id), NAMED))


class _Pool:
    """Donors that are alike. extents: (n, 3) their bounding boxes' sizes."""

    def __init__(self, entries: Sequence[_Entry], seed: int) -> None:
        self.donors = [Donor(shape_id, node.part_ids, node.label) for shape_id, node in entries]
        self.shape_ids = {donor.shape_id for donor in self.donors}
        self.extents = np.array([node.extents for _, node in entries]).reshape(-1, 3)
        self._hashes = hashes(seed, "donors", keys=(f"{d.shape_id} {d.part_ids}" for d in self.donors))
        order = self._hashes.argsort()
        self._buckets, starts = np.unique(self._hashes[order] >> BUCKET_SHIFT, return_index=True)
        self._members = np.split(order, starts[1:])

    def walk(self, key: Hashes) -> Iterator[NDArray[np.int64]]:
        """All donors in the order that belongs to the key (1,): one bucket of them, then two, then four."""
        buckets = _mixed(self._buckets ^ key).argsort()
        start, size = 0, 1
        while start < len(buckets):
            members = [self._members[bucket] for bucket in buckets[start : start + size]]
            yield np.concatenate([m[_mixed(self._hashes[m] ^ key).argsort()] for m in members])
            start, size = start + size, 2 * size


def _mixed(numbers: Hashes) -> Hashes:
    """Hashes of 64-bit numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def fit_boxes(slot: Sizes, donors: Sizes, scale_limits: tuple[float, float]) -> NDArray[np.bool_]:
    """(n, 2) how donors' boxes (n, 3) fit a slot (3,): by filling its box, or by its longest side.

    One that keeps its proportions may be thicker or thinner than the original by the square of the
    limits, but hardly larger: a stool's column makes no room for four legs as tall.
    """
    low, high = scale_limits
    slot, donors = np.maximum(slot, MIN_EXTENT), np.maximum(donors, MIN_EXTENT)
    ratio = slot / donors
    uniform = ratio[:, [slot.argmax()]]
    left = ratio / uniform
    larger = np.linalg.norm(uniform * donors, axis=1) / np.linalg.norm(slot)
    fills = ((ratio >= low) & (ratio <= high)).all(axis=1)
    # One that has the slot's proportions is to lie on the original, so that a twin is seen to be one.
    alike = fills & (ratio.max(axis=1) <= SAME_PROPORTIONS * ratio.min(axis=1))
    fits = ((uniform >= low) & (uniform <= high)).all(axis=1) & ((left >= low**2) & (left <= high**2)).all(axis=1)
    return np.column_stack([fills, fits & (larger <= HARDLY_LARGER) & ~alike])


def slot_kind(label: str) -> tuple[str, str, str]:
    """Category, part group and, of what is a piece of something, its own name: parts of one kind may take each other's
    place. A back of bars may stand in for a padded one, but no stretcher for a leg, and no single bar for a back.
    """
    names = label.split("/")
    return names[0], part_group(label), names[-1] if names[-1].endswith(PIECES) else ""

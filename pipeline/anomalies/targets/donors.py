"""Which parts of other shapes may take a part's place, and which of the shapes are looked at."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from pipeline.anomalies.alignment import MIN_EXTENT
from pipeline.anomalies.config import SwappedConfig
from pipeline.anomalies.targets.nodes import Node
from pipeline.format.part_groups import part_group
from pipeline.seeding import hashes
from pipeline.shapes.shape import Shape

#: How the names of parts end that are pieces of what their group is called.
PIECES = ("bar", "stretcher", "connector", "runner", "rocker", "caster", "wheel")
#: Shapes named for a swap. The parts of fewer may all be twins of the target's; of more, more plans hang on each shape.
NAMED = 10
#: Proportions that differ by no more than this are the same.
SAME_PROPORTIONS = 1.1
#: A donor that keeps its proportions may have a diagonal so many times the target's.
HARDLY_LARGER = 1.2
#: Shapes lie in so many buckets, so that few are looked at for most targets.
BUCKETS = 2048

#: Sizes (x, y, z) of parts' bounding boxes.
Size = Sequence[float]
Kind = tuple[str, str, str]


@dataclass(frozen=True)
class Donor:
    """One node of one shape."""

    shape_id: str
    node: Node


class Donors:
    """The parts of a few shapes, and how to load the shape that one belongs to: ``load(shape_id)``.

    A label path starts with the category, so that no table's leg gets under a chair.
    """

    def __init__(self, nodes: Mapping[str, Sequence[Node]], load: Callable[[str], Shape]) -> None:
        """``nodes``: shape id -> its nodes."""
        self.load = load
        # Sorted, so that the order in which they are given decides nothing.
        self._donors = [Donor(i, node) for i in sorted(nodes) for node in nodes[i] if node.instances == 1]

    def same_label(self, label: str) -> list[Donor]:
        """Donors with exactly this label path."""
        return [donor for donor in self._donors if donor.node.label == label]

    def same_kind(self, label: str) -> list[Donor]:
        """Donors of the same kind (``slot_kind``) as this label path, and of another."""
        kind = slot_kind(label)
        return [d for d in self._donors if d.node.label != label and slot_kind(d.node.label) == kind]


class Catalogue:
    """The shapes of one split, whose parts may take each other's place.

    Every part meets the shapes in a random order of its own, and those named for it are the first that have a part
    which fits. So all shapes are named about equally often, and one that is not among those named for a part can go,
    and leaves them as they are.
    """

    def __init__(self, nodes: Mapping[str, Sequence[Node]], config: SwappedConfig, seed: int) -> None:
        """``nodes``: shape id -> its nodes."""
        self._config, self._seed = config, seed
        luck = dict(zip(nodes, map(int, hashes(seed, "donors", keys=nodes)), strict=True))
        everyone: dict[str, list[Size]] = {i: [] for i in nodes}
        by_label: dict[str, dict[str, list[Size]]] = defaultdict(lambda: defaultdict(list))
        by_kind: dict[Kind, dict[str, list[Size]]] = defaultdict(lambda: defaultdict(list))
        for shape_id, own in nodes.items():
            for node in own:
                if node.instances == 1:
                    by_label[node.label][shape_id].append(box_size(node.extents))
                    by_kind[slot_kind(node.label)][shape_id].append(box_size(node.extents))
        self._by_label = {label: _Pool(sizes, luck) for label, sizes in by_label.items()}
        self._by_kind = {kind: _Pool(sizes, luck) for kind, sizes in by_kind.items()}
        self._everyone = _Pool(everyone, luck)

    def has_like(self, shape_id: str, node: Node) -> bool:
        """Whether another shape has a part of the node's kind, of whatever size."""
        pool = self._by_kind.get(slot_kind(node.label))
        return pool is not None and not pool.sizes.keys() <= {shape_id}

    def shapes_for(self, shape_id: str, node: Node) -> tuple[str, ...]:
        """The ``NAMED`` shapes that parts of the shape are swapped with, if there are so many.

        First those with a part of the node's label that fits by its size, then of its kind; then any, since their
        parts may fit another part of the shape.
        """
        key = int(hashes(self._seed, "donors", "target", *node.part_ids, keys=[shape_id])[0])
        pools = (self._by_label.get(node.label), self._by_kind.get(slot_kind(node.label)))
        fitting = (i for pool in pools if pool for i in pool.walk(key) if self._fits(node, pool.sizes[i]))
        named: dict[str, None] = {}
        for other in chain(fitting, self._everyone.walk(key)):
            if other != shape_id:
                named[other] = None
            if len(named) == NAMED:
                break
        return tuple(named)

    def _fits(self, node: Node, sizes: Sequence[Size]) -> bool:
        slot = box_size(node.extents)
        return any(any(fit_boxes(slot, size, self._config.scale_limits)) for size in sizes)


class _Pool:
    """Shapes that have something in common. sizes: shape id -> the sizes of the parts that it is about."""

    def __init__(self, sizes: Mapping[str, Sequence[Size]], luck: Mapping[str, int]) -> None:
        self.sizes = sizes
        self._luck = luck
        self._buckets: dict[int, list[str]] = defaultdict(list)
        for shape_id in sizes:
            self._buckets[luck[shape_id] % BUCKETS].append(shape_id)

    def walk(self, key: int) -> Iterator[str]:
        """All shapes in the order that belongs to the key, 64 random bits: each bucket once, in steps of its own."""
        start, step = key >> 32, key | 1  # an odd step misses no bucket
        for number in range(BUCKETS):
            bucket = self._buckets.get((start + number * step) % BUCKETS, ())
            yield from sorted(bucket, key=lambda shape_id: self._luck[shape_id] ^ key)


def box_size(extents: Iterable[float]) -> Size:
    """The size of a box, which is nowhere 0."""
    return [max(MIN_EXTENT, float(extent)) for extent in extents]


def fit_boxes(slot: Size, donor: Size, scale_limits: tuple[float, float]) -> tuple[bool, bool]:
    """Whether a donor's box fits a slot, by their sizes: by filling the slot's box, and by its longest side.

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


def slot_kind(label: str) -> Kind:
    """Category, part group and, of what is a piece of something, its own name: parts of one kind may take each other's
    place. A back of bars may stand in for a padded one, but no stretcher for a leg, and no single bar for a back.
    """
    names = label.split("/")
    return names[0], part_group(label), names[-1] if names[-1].endswith(PIECES) else ""

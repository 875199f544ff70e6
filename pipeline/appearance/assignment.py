"""Which material every part of a shape wears under one texture id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from pipeline.appearance.harmony import goes_with
from pipeline.appearance.library import Library, Swatch
from pipeline.appearance.priors import HARD, Priors, load_priors
from pipeline.errors import PipelineError
from pipeline.seeding import rng
from pipeline.shapes.shape import Hardness, Shape


@dataclass(frozen=True)
class Assignment:
    """``materials``: part id -> material name, for every part of the shape."""

    texture_id: int
    materials: Mapping[int, str]


@dataclass(frozen=True)
class _Slot:
    """Parts that share one material: those of a zone with the same hardness."""

    zone: str
    hardness: Hardness | None


@dataclass(frozen=True)
class _Chosen:
    """Swatches chosen so far. by_zone: by zone, then by the hardness of its parts; worn: by name, in their order."""

    by_zone: defaultdict[str, dict[Hardness | None, Swatch]] = field(default_factory=lambda: defaultdict(dict))
    worn: dict[str, Swatch] = field(default_factory=dict)

    def add(self, slot: _Slot, swatch: Swatch) -> None:
        self.by_zone[slot.zone][slot.hardness] = swatch
        self.worn[swatch.name] = swatch

    def name(self, slot: _Slot) -> str:
        return self.by_zone[slot.zone][slot.hardness].name


_Name = TypeVar("_Name", bound=str)


def assign_materials(shape: Shape, texture_id: int, library: Library, seed: int) -> Assignment:
    """Choose a material for every part by the prior table (``materials/priors.yaml``).

    Parts of a zone agree, zones tend to agree as the table says, soft parts are upholstered, colours go
    together, and an object has at most ``max_materials``. The same (seed, shape id, texture id) gives the same
    choice. Raises PipelineError when the library has nothing of any class that a part allows.
    """
    priors = load_priors()
    slots = _slots(shape, priors)
    chosen = _Chosen()
    for slot in _in_order(set(slots.values()), priors):
        draw = rng(seed, "appearance", shape.shape_id, texture_id, slot.zone, slot.hardness or "unknown")
        chosen.add(slot, _follow(slot, priors, chosen, draw) or _pick(slot, priors, library, chosen.worn, draw))
    return Assignment(texture_id, {part_id: chosen.name(slot) for part_id, slot in slots.items()})


def twins(shape: Shape, part_ids: Collection[int]) -> tuple[int, ...]:
    """Ids of the other parts that share a material with one of these under every texture id, ascending."""
    slots = _slots(shape, load_priors())
    own = set(part_ids)
    taken = {slots[i] for i in own}
    return tuple(i for i, slot in slots.items() if slot in taken and i not in own)


def _slots(shape: Shape, priors: Priors) -> dict[int, _Slot]:
    return {part.part_id: _Slot(priors.zone_of(part.label), part.hardness) for part in shape.parts}


def _in_order(slots: set[_Slot], priors: Priors) -> list[_Slot]:
    """Soft parts first, since they are the choosiest; then as the table lists the zones; then by name."""
    place = {name: number for number, name in enumerate(priors.zones)}
    return sorted(slots, key=lambda s: (s.hardness != "soft", place.get(s.zone, len(place)), s.zone, str(s.hardness)))


def _follow(slot: _Slot, priors: Priors, chosen: _Chosen, draw: np.random.Generator) -> Swatch | None:
    """The material of another slot of the same zone, or of a zone that this one follows, if it takes one over."""
    usual, zone = priors.usual(slot.zone, slot.hardness), priors.zone(slot.zone)
    for leader, probability in {slot.zone: 1.0, **zone.follows}.items():
        takes_over = draw.random() < probability
        # A leader with soft and hard parts is followed in the one of this slot's own hardness.
        worn = sorted(chosen.by_zone[leader].items(), key=lambda item: item[0] != slot.hardness)
        fitting = [m for _, m in worn if m.material_class in usual and zone.suits(m.name, m.style)]
        if takes_over and fitting:
            return fitting[0]
    return None


def _pick(
    slot: _Slot, priors: Priors, library: Library, worn: Mapping[str, Swatch], draw: np.random.Generator
) -> Swatch:
    """Draw materials until one goes with those worn; once the object's number is used up, one of those."""
    allowed, zone = priors.weights(slot.zone, slot.hardness), priors.zone(slot.zone)
    options = {c: [m for m in library.of_class(c) if zone.suits(m.name, m.style)] for c in allowed}
    weights = {c: w for c, w in allowed.items() if options[c]}
    if not weights:
        raise PipelineError(f"the library has no material for {slot.zone}; it needs one of: {', '.join(allowed)}")
    for _ in range(priors.harmony.tries):
        of_class = {m.name: m.weight for m in options[_weighted(weights, draw)]}
        material = library[_weighted(of_class, draw)]
        if all(goes_with(material, other, priors.harmony) for other in worn.values()):
            break
    if _has_room({**worn, material.name: material}, priors.max_materials):
        return material
    # Among them is a hard one, which any zone allows.
    fitting = {name: allowed[m.material_class] for name, m in worn.items() if m.material_class in allowed}
    suiting = {name: w for name, w in fitting.items() if zone.suits(name, worn[name].style)}
    return worn[_weighted(suiting or fitting, draw)]


def _has_room(worn: Mapping[str, Swatch], limit: int) -> bool:
    """Whether these may be worn together: the last place is kept for a hard material, which fits any zone."""
    return len(worn) < limit or (len(worn) == limit and any(m.material_class in HARD for m in worn.values()))


def _weighted(weights: Mapping[_Name, float], draw: np.random.Generator) -> _Name:
    """One of the keys, with probability proportional to its weight."""
    names, values = list(weights), np.array(list(weights.values()))
    return names[draw.choice(len(names), p=values / values.sum())]

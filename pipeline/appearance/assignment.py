"""Which material every part of a shape wears under one texture id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from materials.catalogue import Catalogue, Material
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


_Name = TypeVar("_Name", bound=str)
_Chosen = dict[_Slot, Material]


def assign_materials(shape: Shape, texture_id: int, catalogue: Catalogue, seed: int) -> Assignment:
    """Choose a material for every part by the prior table (``materials/priors.yaml``).

    Parts of a zone agree, zones tend to agree as the table says, soft parts are upholstered, and an
    object has at most ``max_materials``. The same (seed, shape id, texture id) gives the same choice.
    Raises PipelineError when the catalogue has nothing of any class that a part allows.
    """
    priors = load_priors()
    slots = _slots(shape, priors)
    chosen: _Chosen = {}
    for slot in _in_order(set(slots.values()), priors):
        draw = rng(seed, "appearance", shape.shape_id, texture_id, slot.zone, slot.hardness or "unknown")
        chosen[slot] = _follow(slot, priors, chosen, draw) or _pick(slot, priors, catalogue, chosen, draw)
    return Assignment(texture_id, {part_id: chosen[slot].name for part_id, slot in slots.items()})


def twins(shape: Shape, part_ids: Collection[int]) -> tuple[int, ...]:
    """Ids of the other parts that share a material with one of these under every texture id, ascending."""
    slots = _slots(shape, load_priors())
    taken = {slots[i] for i in part_ids}
    return tuple(i for i, slot in slots.items() if slot in taken and i not in part_ids)


def _slots(shape: Shape, priors: Priors) -> dict[int, _Slot]:
    return {part.part_id: _Slot(priors.zone_of(part.label), part.hardness) for part in shape.parts}


def _in_order(slots: set[_Slot], priors: Priors) -> list[_Slot]:
    """Soft parts first, since they are the choosiest; then as the table lists the zones; then by name."""
    place = {name: number for number, name in enumerate(priors.zones)}
    return sorted(slots, key=lambda s: (s.hardness != "soft", place.get(s.zone, len(place)), s.zone, str(s.hardness)))


def _follow(slot: _Slot, priors: Priors, chosen: _Chosen, draw: np.random.Generator) -> Material | None:
    """The material of another slot of the same zone, or of a zone that this one follows, if it takes one over."""
    usual = priors.usual(slot.zone, slot.hardness)
    for leader, probability in {slot.zone: 1.0, **priors.zone(slot.zone).follows}.items():
        takes_over = draw.random() < probability
        # A leader with soft and hard parts is followed in the one of this slot's own hardness.
        worn = sorted((s for s in chosen if s.zone == leader), key=lambda s: s.hardness != slot.hardness)
        fitting = [chosen[s] for s in worn if chosen[s].material_class in usual]
        if takes_over and fitting:
            return fitting[0]
    return None


def _pick(slot: _Slot, priors: Priors, catalogue: Catalogue, chosen: _Chosen, draw: np.random.Generator) -> Material:
    """Draw a class by weight and a material of it; once the object's number is used up, one of those worn."""
    allowed = priors.weights(slot.zone, slot.hardness)
    weights = {c: w for c, w in allowed.items() if catalogue.of_class(c)}
    if not weights:
        raise PipelineError(f"the catalogue has no material for {slot.zone}; it needs one of: {', '.join(allowed)}")
    options = catalogue.of_class(_weighted(weights, draw))
    material = options[draw.integers(len(options))]
    worn = {m.name: m for m in chosen.values()}
    if _has_room({**worn, material.name: material}, priors.max_materials):
        return material
    fitting = {name: allowed[m.material_class] for name, m in worn.items() if m.material_class in allowed}
    return worn[_weighted(fitting, draw)]


def _has_room(worn: Mapping[str, Material], limit: int) -> bool:
    """Whether these may be worn together: the last place is kept for a hard material, which fits any zone."""
    return len(worn) < limit or (len(worn) == limit and any(m.material_class in HARD for m in worn.values()))


def _weighted(weights: Mapping[_Name, float], draw: np.random.Generator) -> _Name:
    """One of the keys, with probability proportional to its weight."""
    names, values = list(weights), np.array(list(weights.values()))
    return names[draw.choice(len(names), p=values / values.sum())]

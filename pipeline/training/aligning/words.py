"""What a person would call a part, and what is wrong with it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from pipeline.format.schema import Mesh

#: World axis, and what lies toward its positive and its negative end: up, and front, left and right as one who sits in
#: the object would say, facing +Z.
SIDES = ((1, "upper", "lower"), (2, "front", "back"), (0, "left", "right"))
#: Object radii: parts of one name whose middles are no further apart along an axis are not told apart by it.
APART = 0.1
#: Words of PartNet's labels that say nothing of where or what.
FILLERS = frozenset({"single", "holistic", "style", "regular"})


def part_words(mesh: Mesh, part_id: int) -> str:
    """A part's name by the last of its label path, and where it is among others of that name.

    Of two legs at z = 1 and z = -1 the first is the "front leg", and of three the one in the middle the "middle leg".
    """
    category = mesh.labels[part_id].split("/")[0]
    namesakes = [i for i, label in mesh.labels.items() if label == mesh.labels[part_id]]
    middles = {i: _middle(mesh, i) for i in namesakes}
    where = [_side(middles[part_id][axis], [m[axis] for m in middles.values()], *ends) for axis, *ends in SIDES]
    words = [word for word in mesh.labels[part_id].split("/")[-1].split("_") if word not in FILLERS]
    if words[0] == category and len(words) > 1:
        words = words[1:]
    return " ".join([*(word for word in where if word), *words])


def _middle(mesh: Mesh, part_id: int) -> Float64[np.ndarray, " 3"]:
    own = mesh.vertices[mesh.faces[mesh.part_ids == part_id]].reshape(-1, 3).astype(np.float64)
    return np.asarray((own.min(axis=0) + own.max(axis=0)) / 2)


def _side(place: float, places: list[float], positive: str, negative: str) -> str:
    """Which side of the others a part is on along an axis; nothing where that does not tell them apart."""
    low, high = min(places), max(places)
    if high - low <= APART:
        return ""
    share = (place - low) / (high - low)
    return positive if share > 2 / 3 else negative if share < 1 / 3 else "middle"

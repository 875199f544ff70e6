"""Drawing a cutter that takes a wanted share of a target: what broken and cracked have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.anomalies.fracturing.cutter import Cutter
from pipeline.anomalies.fracturing.pieces import Piece
from pipeline.anomalies.proving.measure import free_rays
from pipeline.anomalies.task import TargetUnfit, Task
from pipeline.errors import UnitRejected

#: Surface points among which a visible one is looked for.
CENTRES = 48
#: Sizes tried for one cutter.
SIZES = 5

Result = TypeVar("Result")


def visible_centre(task: Task, random: np.random.Generator) -> NDArray[np.float64]:
    """(3,) a point of the target's surface that a camera can see.

    Raises UnitRejected ``hidden`` where none of ``CENTRES`` random points is.
    """
    points = random.choice(task.old_points, CENTRES, replace=False)
    seen = free_rays(points, task.rest_scene, task.old_scene).any(axis=1)
    if not seen.any():
        raise TargetUnfit("hidden", f"part {task.target.label} can be seen from no camera")
    return np.asarray(points[np.argmax(seen)])


def fit(
    cutter: Cutter, limits: tuple[float, float], apply: Callable[[Cutter], tuple[float, Result]], setting: str
) -> Result:
    """The result of the first of a few sizes of the cutter whose share, by ``apply``, lies within ``limits``.

    ``apply`` gives the share and the result. Bisects: a larger cutter takes more, but where fragments
    fall off the share jumps. Raises UnitRejected ``removed-share``, naming ``setting``.
    """
    small, large = 0.0, np.inf
    factor = 1.0
    shares = []
    for _ in range(SIZES):
        share, result = apply(cutter.scaled(factor))
        if limits[0] <= share <= limits[1]:
            return result
        shares.append(round(share, 3))
        if share < limits[0]:
            small = factor
        else:
            large = factor
        factor = (small + large) / 2 if np.isfinite(large) else 1.4 * small
    raise UnitRejected("removed-share", f"shares {shares} of the part for {SIZES} sizes; {setting} is {limits}")


def share_of(pieces: Iterable[Piece], intact: Sequence[Piece]) -> tuple[float, str]:
    """The pieces' share of the intact volume where all are closed, else of the surface area; and which it is."""
    pieces = list(pieces)
    volumes = [[p.volume for p in group if p.volume is not None] for group in (pieces, intact)]
    if [len(v) for v in volumes] == [len(pieces), len(intact)]:
        return sum(volumes[0]) / sum(volumes[1]), "volume"
    areas = [sum(p.original_area for p in group) for group in (pieces, intact)]
    return areas[0] / areas[1], "area"

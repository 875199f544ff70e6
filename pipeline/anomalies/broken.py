"""Broken: a roughened sphere or cube subtracted from a part's mesh (Looking 3D, section 3; after DeepJoin)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.anomalies.cutter import random_cutter
from pipeline.anomalies.cutting import Cut, cut
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.measure import join
from pipeline.anomalies.pieces import Piece, split, supported
from pipeline.anomalies.proof import Proof, require_visible
from pipeline.anomalies.task import Change, Task
from pipeline.config import AnomaliesConfig
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import flatten

#: A fragment with a smaller share of the target's area is a crumb.
CRUMB = 0.005


def draw(task: Task, random: np.random.Generator) -> Change:
    """Cut the target with a cutter centred on its surface and drop the fragments that nothing holds.

    Raises UnitRejected ``removed-share`` where too little or too much is gone.
    """
    cutter = random_cutter(task.old_points, task.config.broken, random)
    body = cutter.mesh()
    intact = _components(task)
    soup = flatten((p.part_id, p.mesh) for p in task.shape.parts)
    cuts = [cut(piece, cutter, body, soup) if _meet(piece.mesh, body) else None for piece in intact]
    left = [p for old, new in zip(intact, cuts, strict=True) for p in ((old,) if new is None else new.pieces)]
    if not left:
        raise UnitRejected("removed-share", "the cutter swallowed the whole part")
    kept = _held(task, intact, left, random)
    share, measure = _removed_share(intact, cuts, left, kept)
    low, high = task.config.broken.removed_share
    if not low <= share <= high:
        raise UnitRejected(
            "removed-share",
            f"{share:.3f} of the part's {measure} removed; anomalies.broken.removed_share is {low, high}",
        )
    methods = {c.method for c in cuts if c is not None}
    measured = {
        "method": " + ".join(sorted(methods)),
        "removed_share": share,
        "removed_share_of": measure,
        "dropped_fragments": int((~kept).sum()),
    }
    return Change(_assemble(task, left, kept), cutter.parameters(), measured)


def accept(proof: Proof, config: AnomaliesConfig) -> None:
    """The fracture is deep enough to be seen. Raises UnitRejected ``shallow`` or ``hidden``."""
    if proof.max_distance is None or proof.max_distance < config.broken.min_depth:
        raise UnitRejected(
            "shallow", f"fracture {proof.max_distance} deep, anomalies.broken.min_depth is {config.broken.min_depth}"
        )
    require_visible(proof, config)


def _components(task: Task) -> list[Piece]:
    meshes = ((i, mesh) for i in task.target.part_ids for mesh in split(task.shape.part(i).mesh))
    return [Piece(mesh, part_id, number, float(mesh.area), None) for number, (part_id, mesh) in enumerate(meshes)]


def _meet(mesh: trimesh.Trimesh, body: trimesh.Trimesh) -> bool:
    return bool((mesh.bounds[0] <= body.bounds[1]).all() and (mesh.bounds[1] >= body.bounds[0]).all())


def _held(task: Task, intact: Sequence[Piece], left: Sequence[Piece], random: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) True for pieces that stay: held as their component was, and no crumbs.

    Where the intact part touched nothing, what hangs on its largest piece stays.
    """
    areas = np.array([piece.original_area for piece in left])
    held_before = supported(intact, task.rest_points, random)
    anchor = task.rest_points
    if not held_before.any():
        anchor = np.asarray(left[int(areas.argmax())].mesh.vertices)
        held_before[:] = True
    held = supported(left, anchor, random)
    floated_before = ~held_before[[piece.component for piece in left]]
    is_crumb = areas < CRUMB * sum(piece.original_area for piece in intact)
    cut_components = Counter(piece.component for piece in left)
    fragment = np.array([cut_components[piece.component] > 1 for piece in left])
    return np.asarray((held | floated_before) & ~(is_crumb & fragment))


def _removed_share(
    intact: Sequence[Piece], cuts: Sequence[Cut | None], left: Sequence[Piece], kept: NDArray[np.bool_]
) -> tuple[float, str]:
    """Share of the volume where all components are solids, else of the surface area; and which it is."""
    stay = [piece for piece, keep in zip(left, kept, strict=True) if keep]
    if all(c.method == "boolean" if c is not None else p.mesh.is_volume for p, c in zip(intact, cuts, strict=True)):
        befores = (float(p.mesh.volume) if c is None else c.volume_before for p, c in zip(intact, cuts, strict=True))
        before = sum(v for v in befores if v is not None)
        after = sum(float(p.mesh.volume) if p.volume is None else p.volume for p in stay)
        return 1 - after / before, "volume"
    before = sum(p.original_area for p in intact)
    return 1 - sum(p.original_area for p in stay) / before, "area"


def _assemble(task: Task, left: Sequence[Piece], kept: NDArray[np.bool_]) -> Mapping[int, trimesh.Trimesh | None]:
    replaced: dict[int, trimesh.Trimesh | None] = {}
    for part_id in task.target.part_ids:
        meshes = [p.mesh for p, keep in zip(left, kept, strict=True) if keep and p.part_id == part_id]
        replaced[part_id] = join(meshes) if meshes else None
    return replaced


BROKEN = Kind(draw, accept)

"""Broken: a roughened sphere or cube subtracted from a part's mesh (Looking 3D, section 3; after DeepJoin)."""

from __future__ import annotations

import numpy as np

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.fracturing.bodies import bodies, cut
from pipeline.anomalies.fracturing.cutter import Cutter, random_cutter
from pipeline.anomalies.fracturing.cutting import Tool
from pipeline.anomalies.fracturing.fitting import fit, share_of, visible_centre
from pipeline.anomalies.fracturing.pieces import assemble, crumbs, held
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import Proof, require_support, require_visible
from pipeline.anomalies.task import Change, Task
from pipeline.errors import UnitRejected


def draw(task: Task, random: np.random.Generator) -> Change:
    """Cut the target with a cutter centred on its visible surface; drop crumbs and, by config, loose fragments.

    Raises UnitRejected ``removed-share`` where no size of the cutter takes as much as asked, and
    ``hidden`` where the part cannot be seen.
    """
    config = task.config.broken
    centre = visible_centre(task, random)
    cutter = random_cutter(centre, task.old_points, config.removed_share, config.min_depth, config.roughness, random)
    targets = bodies(task)
    intact = [body.intact for body in targets]

    def subtract(sized: Cutter) -> tuple[float, Change]:
        tool = Tool.of(sized)
        cuts = [cut(body, tool, "outside") for body in targets]
        left = [piece for pieces, _ in cuts for piece in pieces]
        loose = ~held(intact, left, task.rest_points, random) & (config.fragments == "remove")
        stays = ~(loose | crumbs(intact, left))
        kept = [piece for piece, stay in zip(left, stays, strict=True) if stay]
        share, measure = share_of(kept, intact)
        methods = {method for b, (pieces, method) in zip(targets, cuts, strict=True) if pieces[:1] != (b.intact,)}
        measured = {
            "method": " + ".join(sorted(methods)),
            "removed_share": 1 - share,
            "removed_share_of": measure,
            "dropped_fragments": int((~stays).sum()),
        }
        return 1 - share, Change(assemble(task.target.part_ids, kept), sized.parameters(), measured)

    return fit(cutter, config.removed_share, subtract, "anomalies.broken.removed_share")


def accept(proof: Proof, config: AnomaliesConfig) -> None:
    """The fracture is deep enough to be seen. Raises UnitRejected ``shallow``, ``hanging`` or ``hidden``."""
    if proof.max_distance is None or proof.max_distance < config.broken.min_depth:
        raise UnitRejected(
            "shallow", f"fracture {proof.max_distance} deep, anomalies.broken.min_depth is {config.broken.min_depth}"
        )
    require_support(proof, config)
    require_visible(proof, config)


KIND = Kind(draw, accept, cuts=True)

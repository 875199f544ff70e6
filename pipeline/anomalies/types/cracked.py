"""Cracked: a fracture whose piece stays, slightly displaced, so that a gap or step opens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.fracturing.bodies import bodies, cut
from pipeline.anomalies.fracturing.cutter import Cutter, random_cutter
from pipeline.anomalies.fracturing.cutting import Tool
from pipeline.anomalies.fracturing.fitting import fit, share_of, visible_centre
from pipeline.anomalies.fracturing.pieces import Piece, assemble, held
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.measure import join
from pipeline.anomalies.proving.proof import Proof, require_near, require_visible
from pipeline.anomalies.rigid import random_direction
from pipeline.anomalies.task import Change, Task
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import make_mesh

#: Vertices whose gauge is this near 1 lie on the cutter's surface (between its vertices the mesh is inside).
ON_CUTTER = 0.03
#: Length of the random vector added to the unit vector out of the crack: the piece also slides along it.
SLIDE = 0.3
#: A fracture whose directed area, in squared object radii, is less faces nowhere.
MIN_AREA = 1e-5


def draw(task: Task, random: np.random.Generator) -> Change:
    """Cut a piece off by the surface of a random cutter, and move it away as if hinged at the crack's rim.

    What hangs on the piece alone goes with it. Raises UnitRejected ``removed-share`` where no size of
    the cutter cuts off as much as asked, and ``hidden`` where the part cannot be seen.
    """
    config = task.config.cracked
    centre = visible_centre(task, random)
    cutter = random_cutter(centre, task.old_points, config.piece_share, 0.0, config.roughness, random)
    targets = bodies(task)
    intact = [body.intact for body in targets]

    def crack(sized: Cutter) -> tuple[float, tuple[Cutter, list[Piece], list[Piece], dict[str, object]]]:
        tool = Tool.of(sized)
        outside = [cut(body, tool, "outside") for body in targets]
        inside = [cut(body, tool, "inside") for body in targets]
        around = [piece for pieces, _ in outside for piece in pieces]
        stays = held(intact, around, task.rest_points, random)
        kept = [piece for piece, stay in zip(around, stays, strict=True) if stay]
        moved = [piece for piece, stay in zip(around, stays, strict=True) if not stay]
        moved += [piece for pieces, _ in inside for piece in pieces]
        share, measure = share_of(moved, intact)
        methods = {method for pieces, method in inside if pieces}
        measured = {"method": " + ".join(sorted(methods)), "piece_share": share, "piece_share_of": measure}
        return share, (sized, kept, moved, measured)

    sized, kept, moved, measured = fit(cutter, config.piece_share, crack, "anomalies.cracked.piece_share")
    gap, angle = float(random.uniform(*config.gap)), float(random.uniform(*config.turn_degrees))
    rotation, translation = _opening(sized, kept, moved, gap, angle, random)
    displaced = [
        p.remnant(make_mesh(p.mesh.vertices @ rotation.T + translation, p.mesh.faces), p.original_area, p.volume)
        for p in moved
    ]
    parameters = {
        **sized.parameters(),
        "gap": gap,
        "turn_degrees": angle,
        "rotation": rotation.tolist(),
        "translation": translation.tolist(),
    }
    return Change(assemble(task.target.part_ids, [*kept, *displaced]), parameters, measured)


def accept(proof: Proof, config: AnomaliesConfig) -> None:
    """The piece is elsewhere, near, and above the ground.

    Raises UnitRejected ``unchanged``, ``floating``, ``sunk`` or ``hidden``.
    """
    if proof.gone_share < config.cracked.min_gone_share:
        raise UnitRejected(
            "unchanged",
            f"{proof.gone_share:.3f} of the surface moved, "
            f"anomalies.cracked.min_gone_share asks for {config.cracked.min_gone_share}",
        )
    require_near(proof, config)
    require_visible(proof, config)


def _opening(
    cutter: Cutter,
    kept: Sequence[Piece],
    moved: Sequence[Piece],
    gap: float,
    angle: float,
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (3, 3) and translation (3,) that open the crack between ``kept`` and ``moved``.

    The piece goes ``gap`` (object radii) along the crack's mean normal and a little along the crack, and turns by
    ``angle`` (degrees) about an axis in the crack's plane, through the point of its rim that lets
    every other point of the crack part. Raises UnitRejected ``no-crack`` where nothing that
    stays was cut.
    """
    stay = join(piece.mesh for piece in kept)
    on_cutter = np.abs(cutter.gauge(np.asarray(stay.vertices)) - 1) < ON_CUTTER
    rim = np.asarray(stay.vertices)[on_cutter]
    if len(rim) == 0:
        raise UnitRejected("no-crack", "the piece and what stays share no fracture")
    fracture = on_cutter[stay.faces].all(axis=1)
    away = np.cross(*np.diff(stay.triangles[fracture], axis=1).swapaxes(0, 1)).sum(axis=0)
    if np.linalg.norm(away) < MIN_AREA:  # a clipped sheet has none, or the fracture closes around the piece
        centres = np.vstack([piece.mesh.triangles_center for piece in moved])
        away = np.average(centres, axis=0, weights=np.concatenate([p.mesh.area_faces for p in moved])) - rim.mean(
            axis=0
        )
    away = away / max(float(np.linalg.norm(away)), 1e-9) + SLIDE * random_direction(random)
    away /= np.linalg.norm(away)
    axis = np.cross(away, random_direction(random))
    axis /= np.linalg.norm(axis)
    # A point r from the pivot moves by axis x r, and that along ``away`` by r . (away x axis).
    pivot = rim[np.argmin(rim @ np.cross(away, axis))]
    rotation = Rotation.from_rotvec(np.radians(angle) * axis).as_matrix()
    return rotation, pivot - rotation @ pivot + gap * away


KIND = Kind(draw, accept, cuts=True)

"""Smoothing of reconstructed meshes, whose noise would show in reference views as dents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh

from pipeline.errors import PipelineError
from pipeline.shapes.normalising import to_unit_frame
from pipeline.shapes.shape import Shape
from pipeline.shapes.storage import as_stored

#: Weights of the two Laplacian steps of a round; their difference is what keeps the volume (Taubin, 1995, section 2).
SHRINK, GROW = 0.5, 0.53
#: How far, in the object's radii, a vertex may move before that is no longer noise.
FARTHEST = 0.1


def smooth(shape: Shape, rounds: int) -> Shape:
    """The shape after ``rounds`` of Taubin's Laplacian smoothing of each part, in the unit frame again.

    A plain Laplacian shrinks open meshes, and one that is scaled to keep its volume bursts thin parts: of a chair from
    a CAD program, to nine times its size in ten rounds. Raises PipelineError where a vertex moves farther than noise
    would: coarse triangles have shape, not noise, at their corners.
    """
    meshes = [part.mesh.copy() for part in shape.parts]
    for mesh in meshes:
        trimesh.smoothing.filter_taubin(mesh, lamb=SHRINK, nu=GROW, iterations=2 * rounds)
    moved = max(
        float(np.linalg.norm(mesh.vertices - part.mesh.vertices, axis=1).max())
        for mesh, part in zip(meshes, shape.parts, strict=True)
    )
    if not moved <= FARTHEST:
        raise PipelineError(
            f"{rounds} rounds of smoothing move the surface of {shape.shape_id} by up to {moved:.2f} of its radius, "
            "more than noise: its triangles are too coarse, as in CAD models, which need no smoothing; smooth less"
        )
    parts = zip(shape.parts, to_unit_frame(meshes), strict=True)
    return replace(shape, parts=tuple(replace(part, mesh=as_stored(mesh)) for part, mesh in parts))

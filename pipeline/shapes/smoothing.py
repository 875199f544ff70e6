"""Smoothing of reconstructed meshes, whose noise would show in reference views as dents."""

from __future__ import annotations

from dataclasses import replace

import trimesh

from pipeline.shapes.shape import Shape, make_mesh
from pipeline.shapes.storage import as_stored


def smooth(shape: Shape, iterations: int) -> Shape:
    """The shape after ``iterations`` of Laplacian smoothing of each part; closed ones keep their volume.

    As trimesh does it (Vollmer et al., 1999).
    """
    parts = []
    for part in shape.parts:
        mesh = part.mesh.copy()
        trimesh.smoothing.filter_laplacian(mesh, iterations=iterations, volume_constraint=mesh.is_watertight)
        parts.append(replace(part, mesh=as_stored(make_mesh(mesh.vertices, mesh.faces))))
    return replace(shape, parts=tuple(parts))

"""Answer questions about meshes with MeshLab: ``python -m meshlab_scripts.serve < QUESTIONS > ANSWERS``.

A question is a message (``pipeline.streaming``): ``work`` names a function of ``WORK``, ``arguments`` are its numbers,
``seconds`` is how long it may take, and its arrays are meshes or points. The answer has the arrays that the function
returns, or ``refused``, MeshLab's own words. The first message, before any question, is empty: MeshLab is there. Who
takes longer is ended by SIGALRM. With its input the process ends.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pymeshlab

from pipeline.processes import end_with_parent
from pipeline.streaming import receive, send

Arrays = tuple[np.ndarray, ...]


def _loaded(*meshes: Arrays) -> Any:
    """A mesh set of (vertices, faces), or (points,)."""
    loaded = pymeshlab.MeshSet(verbose=False)
    for mesh in meshes:
        loaded.add_mesh(pymeshlab.Mesh(*mesh))
    return loaded


def _surface(meshes: Any) -> Arrays:
    """Vertices (n, 3) float64 and faces (m, 3) int32 of the mesh that was worked on."""
    mesh = meshes.current_mesh()
    return mesh.vertex_matrix(), mesh.face_matrix()


def mend(vertices: np.ndarray, faces: np.ndarray, merge: float) -> Arrays:
    """Vertices nearer than ``merge`` merged, doubled faces dropped, and neighbours wound alike."""
    meshes = _loaded((vertices, faces))
    meshes.meshing_merge_close_vertices(threshold=pymeshlab.PureValue(merge))
    meshes.meshing_remove_duplicate_faces()
    meshes.meshing_remove_null_faces()
    # Edges of three faces: MeshLab splits their vertices, which comes to the same as taking the walls apart.
    meshes.meshing_repair_non_manifold_edges(method="Split Vertices")
    meshes.meshing_re_orient_faces_coherently()
    return _surface(meshes)


def wrap(vertices: np.ndarray, faces: np.ndarray, alpha: float, offset: float) -> Arrays:
    """CGAL's alpha wrap; ``alpha`` and ``offset`` are percentages of the bounding box's diagonal."""
    meshes = _loaded((vertices, faces))
    meshes.generate_alpha_wrap(alpha=pymeshlab.PercentageValue(alpha), offset=pymeshlab.PercentageValue(offset))
    return _surface(meshes)


def measure(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray, farthest: float) -> Arrays:
    """(n,) float64 distance of points (n, 3) to the surface, looked for within ``farthest``."""
    meshes = _loaded((points,), (vertices, faces))
    meshes.compute_scalar_by_distance_from_another_mesh_per_vertex(
        measuremesh=0, refmesh=1, signeddist=False, maxdist=pymeshlab.PureValue(farthest)
    )
    return (meshes.mesh(0).vertex_scalar_array(),)


WORK: dict[str, Callable[..., Arrays]] = {"mend": mend, "wrap": wrap, "measure": measure}


def main() -> None:
    """Answer until the input ends."""
    end_with_parent()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # MeshLab talks to standard output
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whoever started this may ignore it
    send(answers, {})
    while (question := receive(sys.stdin.buffer)) is not None:
        asked, arrays = question
        signal.setitimer(signal.ITIMER_REAL, asked["seconds"])
        try:
            found, entries = WORK[asked["work"]](*arrays, **asked["arguments"]), {}
        except (pymeshlab.PyMeshLabException, RuntimeError) as error:  # the latter is C++'s own
            found, entries = (), {"refused": str(error)}
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(answers, entries, *found)


if __name__ == "__main__":
    main()

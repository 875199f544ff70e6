"""Measurements between surfaces: exact distances of sampled points, gaps, and what cameras can reach.

Lengths are in object radii.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from trimesh.sample import sample_surface

from pipeline.anomalies import meshlab
from pipeline.geometry.raycast import RayScene
from pipeline.shapes.shape import flatten, make_mesh

Points = NDArray[np.float64]

#: Enough for a mean distance to about 2 % of its standard deviation.
SAMPLES = 1500
#: Sampled points of the rest of an object; about 0.02 apart on a chair.
REST_SAMPLES = 8000
#: Surface points farther than this from the other surface have changed.
CHANGED = 0.005
#: A camera can tell surfaces this far apart along its ray.
SHOWN = 0.01
#: Sampled surfaces nearer than this touch.
CONTACT = 0.03
#: Rays that look for a camera start this far off the surface, so that they do not meet the triangle they leave from.
OFFSET = 1e-3
#: (24, 3) unit vectors towards cameras: twelve azimuths at 20 and 40 degrees, the borders of the paper's elevations.
TOWARDS_CAMERAS = np.array(
    [
        [np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)]
        for e in np.radians([20.0, 40.0])
        for a in np.arange(12) * np.pi / 6
    ]
)


@dataclass(frozen=True)
class SurfaceDistance:
    """Symmetric distance of two surfaces.

    mean: average of the two directed means; max: the larger of the two directed maxima (sampled).
    gone: (n, 3) sampled points of the first that the second lacks; new: (m, 3) the other way round.
    gone_share, new_share: share of the first surface's area that is gone, of the second's that is new.
    """

    mean: float
    max: float
    gone: Points
    new: Points
    gone_share: float
    new_share: float


def join(meshes: Iterable[trimesh.Trimesh]) -> trimesh.Trimesh:
    """One mesh of all triangles, nothing merged."""
    soup = flatten((0, mesh) for mesh in meshes)
    return make_mesh(soup.vertices, soup.faces)


def sample(mesh: trimesh.Trimesh, count: int, random: np.random.Generator) -> Points:
    """(count, 3) points, uniform by area."""
    return sample_faces(mesh, count, random)[0]


def sample_faces(mesh: trimesh.Trimesh, count: int, random: np.random.Generator) -> tuple[Points, NDArray[np.int64]]:
    """(count, 3) points, uniform by area, and (count,) the faces that they lie on."""
    points, faces = sample_surface(mesh, count, seed=random)
    return np.asarray(points, dtype=np.float64), np.asarray(faces)


def distance_to_surface(points: Points, mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """(n,) distance of points (n, 3) to the nearest point of any triangle, by MeshLab's grid search.

    Exact but for about one in two thousand points far from meshes of a few large triangles, where
    MeshLab stops at a triangle that is not the nearest; never too small.
    """
    vertices = np.asarray(mesh.vertices)
    farthest = float(np.linalg.norm(np.ptp(np.vstack([points, vertices]), 0)))
    return meshlab.distances(points, vertices, np.asarray(mesh.faces), farthest)


def surface_distance(old: trimesh.Trimesh, new: trimesh.Trimesh, random: np.random.Generator) -> SurfaceDistance:
    """Measure two non-empty meshes at ``SAMPLES`` points each."""
    from_old, from_new = sample(old, SAMPLES, random), sample(new, SAMPLES, random)
    # A sampled point is no nearer than the surface: it bounds what MeshLab may get wrong.
    to_new = np.minimum(distance_to_surface(from_old, new), cKDTree(from_new).query(from_old)[0])
    to_old = np.minimum(distance_to_surface(from_new, old), cKDTree(from_old).query(from_new)[0])
    return SurfaceDistance(
        mean=float(to_new.mean() + to_old.mean()) / 2,
        max=float(max(to_new.max(), to_old.max())),
        gone=from_old[to_new > CHANGED],
        new=from_new[to_old > CHANGED],
        gone_share=float((to_new > CHANGED).mean()),
        new_share=float((to_old > CHANGED).mean()),
    )


def nearest(tree: cKDTree, points: Points) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n,) distance of points (n, 3) to the nearest in the tree, and (n,) which that is."""
    distance, index = tree.query(points)
    return np.asarray(distance), np.asarray(index)


def free_rays(points: Points, *scenes: RayScene) -> NDArray[np.bool_]:
    """(n, 24) True for rays from surface points (n, 3) ``TOWARDS_CAMERAS`` that meet nothing in any scene."""
    origins = (points[:, None] + OFFSET * TOWARDS_CAMERAS).reshape(-1, 3)
    directions = np.tile(TOWARDS_CAMERAS, (len(points), 1))
    free = np.ones(len(origins), dtype=bool)
    for scene in scenes:
        free[free] = scene.first_hits(origins[free], directions[free])[0] == 0
    return free.reshape(len(points), len(TOWARDS_CAMERAS))


def shows(points: Points, free: NDArray[np.bool_], rest: RayScene) -> NDArray[np.bool_]:
    """(n,) True for surface points (n, 3) that a camera can see, by ``free`` (n, 24), and that are not on ``rest``.

    Without the point the camera looks through it, on to ``rest``: where that lies right behind it,
    as under a veneer, nobody would miss it.
    """
    directions = TOWARDS_CAMERAS[free.argmax(axis=1)]
    t, _ = rest.first_hits(points + OFFSET * directions, -directions)
    return np.asarray(free.any(axis=1) & ((t == 0) | (t > OFFSET + SHOWN)))

"""Reference views: regular cameras around the intact shape, patch positions, point correspondences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from pipeline.format.cameras import Camera
from pipeline.format.schema import PATCH
from pipeline.geometry.raycast import RayScene, points_visible
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, flatten, make_mesh
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig

#: A point counts as visible when nothing hides it by more than this, in object radii.
HIDDEN_BY = 1e-3


@dataclass(frozen=True)
class ReferenceViews:
    """V views of S pixels squared and P surface points; see ``docs/format.md`` for every array.

    K (V,3,3), world_to_camera (V,4,4) float64; depth (V,S,S) float32; part_ids (V,S,S) uint16;
    patch_xyz (V,S/8,S/8,3) float32 with patch_valid (V,S/8,S/8) bool; points (P,3) float32;
    point_pixels (V,P,2) float32 as (x, y); point_visible (V,P) bool.
    """

    K: NDArray[np.float64]
    world_to_camera: NDArray[np.float64]
    depth: NDArray[np.float32]
    part_ids: NDArray[np.uint16]
    patch_xyz: NDArray[np.float32]
    patch_valid: NDArray[np.bool_]
    points: NDArray[np.float32]
    point_pixels: NDArray[np.float32]
    point_visible: NDArray[np.bool_]


def reference_cameras(config: ViewsConfig) -> list[Camera]:
    """Regular azimuths from 0, each once, at the configured elevation."""
    step = 360.0 / config.reference_views
    return [orbit_camera(config, i * step, config.reference_elevation_degrees) for i in range(config.reference_views)]


def make_reference_views(shape: Shape, config: ViewsConfig, seed: int) -> ReferenceViews:
    """Ray-cast everything about the reference views that is not their grey values."""
    soup = flatten((p.part_id, p.mesh) for p in shape.parts)
    scene = RayScene(soup)
    cameras = reference_cameras(config)
    images = [scene.render(camera) for camera in cameras]
    patches = [patch_positions(camera, image.depth) for camera, image in zip(cameras, images, strict=True)]
    generator = rng(seed, "views", shape.shape_id, "points")
    points = _surface_points(make_mesh(soup.vertices, soup.faces), scene, cameras, config.surface_points, generator)
    return ReferenceViews(
        K=np.stack([c.K for c in cameras]),
        world_to_camera=np.stack([c.world_to_camera for c in cameras]),
        depth=np.stack([i.depth for i in images]),
        part_ids=np.stack([i.part_ids for i in images]),
        patch_xyz=np.stack([xyz for xyz, _ in patches]),
        patch_valid=np.stack([valid for _, valid in patches]),
        points=points.astype(np.float32),
        point_pixels=np.stack([c.project(points)[0] for c in cameras]).astype(np.float32),
        point_visible=np.stack([points_visible(scene, c, points, HIDDEN_BY) for c in cameras]),
    )


def patch_positions(camera: Camera, depth: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """World position seen by each 8x8 patch, (S/8, S/8, 3), and where there is one, (S/8, S/8).

    Of the patch's pixels that hit the object, the one nearest to the patch's centre decides, so a
    bar that misses the centre still has a position, and every position lies on the surface.
    """
    n = camera.resolution // PATCH
    xyz = camera.unproject(depth).reshape(n, PATCH, n, PATCH, 3).swapaxes(1, 2).reshape(n, n, PATCH * PATCH, 3)
    hit = (depth > 0).reshape(n, PATCH, n, PATCH).swapaxes(1, 2).reshape(n, n, PATCH * PATCH)
    offset = np.arange(PATCH) + 0.5 - PATCH / 2
    from_centre = np.hypot(*np.meshgrid(offset, offset)).ravel()
    best = np.where(hit, from_centre, np.inf).argmin(axis=2)
    valid = hit.any(axis=2)
    chosen = np.take_along_axis(xyz, best[..., None, None], axis=2)[:, :, 0]
    return np.where(valid[..., None], chosen, 0.0).astype(np.float32), valid


def _surface_points(
    mesh: trimesh.Trimesh,
    scene: RayScene,
    cameras: list[Camera],
    count: int,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Area-weighted surface points, (count, 3) and exact in float32, those seen by most cameras first.

    Many a PartNet surface lies inside the object, where no camera sees it; a correspondence needs two
    views, so four times as many points are drawn and the visible ones preferred in the order drawn.
    """
    drawn, _ = trimesh.sample.sample_surface(mesh, 4 * count, seed=generator)
    drawn = np.asarray(drawn, dtype=np.float32).astype(np.float64)
    views = np.sum([points_visible(scene, c, drawn, HIDDEN_BY) for c in cameras], axis=0)
    order = np.argsort(-np.minimum(views, 2), kind="stable")
    return np.asarray(drawn[order[:count]])

"""Exact visibility by ray casting (Embree): depth and part ids at pixel centres, hidden points."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float32, Float64, Integer, UInt16

from pipeline.format.cameras import Camera, cross
from pipeline.geometry.soup import Soup


@dataclass(frozen=True)
class RayImage:
    """What one camera sees. depth: z in world units; both are 0 where nothing is hit."""

    depth: Float32[np.ndarray, "height width"]
    part_ids: UInt16[np.ndarray, "height width"]


@dataclass(frozen=True)
class Surface:
    """What one camera sees, and how it is turned.

    depth, part_ids: as of ``RayImage``; normals: of unit length and toward the camera, in its frame; zeros where
    nothing is hit.
    """

    depth: Float32[np.ndarray, "height width"]
    part_ids: UInt16[np.ndarray, "height width"]
    normals: Float32[np.ndarray, "height width 3"]


class RayScene:
    """A triangle soup ready for ray casting; both sides of a triangle are solid.

    >>> corners, faces = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]])
    >>> scene = RayScene(Soup(corners, faces, np.array([7], dtype=np.uint16)))
    >>> origins, down = np.array([[0.2, 0.2, 3.0], [2.0, 2.0, 3.0]]), np.array([[0.0, 0, -1], [0, 0, -1]])
    >>> t, part_ids = scene.first_hits(origins, down)
    >>> t.tolist(), part_ids.tolist()  # the second ray misses
    ([3.0, 0.0], [7, 0])
    """

    def __init__(self, soup: Soup) -> None:
        self.soup = soup
        self._scene = EmbreeScene(_device(os.getpid()), robust=True)
        if len(soup.faces):
            TriangleMesh(self._scene, soup.vertices.astype(np.float32), soup.faces.astype(np.int32))

    def render(self, camera: Camera) -> RayImage:
        """Depth and part ids at the pixel centres of ``camera``."""
        rays = camera.rays.reshape(-1, 3)
        t, ids = self.first_hits(np.broadcast_to(camera.centre, rays.shape), rays)
        shape = (camera.resolution, camera.resolution)
        return RayImage(t.astype(np.float32).reshape(shape), ids.reshape(shape))

    def surface(self, camera: Camera) -> Surface:
        """As ``render``, with normals."""
        rays = camera.rays.reshape(-1, 3)
        t, face = self._hits(np.broadcast_to(camera.centre, rays.shape), rays)
        a, b, c = np.moveaxis(self.soup.vertices[self.soup.faces[face[face >= 0]]], 1, 0)
        normal = cross(b - a, c - a) @ camera.world_to_camera[:3, :3].T
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        away = np.einsum("rd,rd->r", normal, rays[face >= 0] @ camera.world_to_camera[:3, :3].T) > 0
        normals = np.zeros((len(rays), 3), dtype=np.float32)
        normals[face >= 0] = np.where(away[:, None], -normal, normal) / np.maximum(length, 1e-30)
        shape = (camera.resolution, camera.resolution)
        ids = self._part_ids(face)
        return Surface(t.astype(np.float32).reshape(shape), ids.reshape(shape), normals.reshape(*shape, 3))

    def first_hits(
        self, origins: Float64[np.ndarray, "ray 3"], directions: Float64[np.ndarray, "ray 3"]
    ) -> tuple[Float64[np.ndarray, " ray"], UInt16[np.ndarray, " ray"]]:
        """First hits of rays: ray parameter t and part id; 0 and 0 on a miss.

        Embree finds the face in float32; where the ray meets it is computed in float64.
        """
        t, face = self._hits(origins, directions)
        return t, self._part_ids(face)

    def hits(
        self, origins: Float64[np.ndarray, "ray 3"], directions: Float64[np.ndarray, "ray 3"]
    ) -> Bool[np.ndarray, " ray"]:
        """Whether rays meet anything; where is not computed."""
        return np.asarray(self._faces(origins, directions) >= 0)

    def _hits(
        self, origins: Float64[np.ndarray, "ray 3"], directions: Float64[np.ndarray, "ray 3"]
    ) -> tuple[Float64[np.ndarray, " ray"], Integer[np.ndarray, " ray"]]:
        """Ray parameters and faces, 0 and -1 on a miss."""
        t = np.zeros(len(origins))
        face = self._faces(origins, directions)
        hit = face >= 0
        corners = self.soup.vertices[self.soup.faces[face[hit]]]
        t[hit] = _hit_parameter(origins[hit], directions[hit], corners)
        return t, face

    def _faces(
        self, origins: Float64[np.ndarray, "ray 3"], directions: Float64[np.ndarray, "ray 3"]
    ) -> Integer[np.ndarray, " ray"]:
        """Faces that rays meet first, -1 on a miss."""
        if len(self.soup.faces) == 0:
            return np.full(len(origins), -1)
        # Asking Embree for the hit faces alone is ten times faster than for its barycentric coordinates.
        return self._scene.run(origins.astype(np.float32), directions.astype(np.float32))

    def _part_ids(self, face: Integer[np.ndarray, " ray"]) -> UInt16[np.ndarray, " ray"]:
        ids = np.zeros(len(face), dtype=np.uint16)
        ids[face >= 0] = self.soup.part_ids[face[face >= 0]]
        return ids


@cache
def _device(process: int) -> EmbreeDevice:
    """One for all scenes of a process: a device takes one of 1,024 keys for what threads keep to themselves, and where
    none is left Embree writes to nowhere. A forked process has none of its parent's threads, so it takes its own.
    """
    return EmbreeDevice()


def _hit_parameter(
    origins: Float64[np.ndarray, "ray 3"],
    directions: Float64[np.ndarray, "ray 3"],
    corners: Float64[np.ndarray, "ray 3 3"],
) -> Float64[np.ndarray, " ray"]:
    """Ray parameters at which rays that are known to hit triangles, one a ray, do so.

    Moeller and Trumbore's barycentric coordinates in float64, clamped into the triangle: a ray that
    grazes a sliver would otherwise be answered with a point far outside it.
    """
    a = corners[:, 0]
    to_b, to_c = corners[:, 1] - a, corners[:, 2] - a
    p = cross(directions, to_c)
    determinant = (to_b * p).sum(axis=1)
    from_a = origins - a
    q = cross(from_a, to_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = (from_a * p).sum(axis=1) / determinant
        v = (directions * q).sum(axis=1) / determinant
    u = np.clip(np.nan_to_num(u, nan=1 / 3), 0, 1)
    v = np.clip(np.nan_to_num(v, nan=1 / 3), 0, 1 - u)
    offset = u[:, None] * to_b + v[:, None] * to_c - from_a
    return np.asarray((offset * directions).sum(axis=1) / (directions * directions).sum(axis=1))


def points_visible(
    scene: RayScene, camera: Camera, points: Float64[np.ndarray, "point 3"], tolerance: float
) -> Bool[np.ndarray, " point"]:
    """True for surface points inside the image that nothing nearer than ``tolerance`` hides.

    ``tolerance`` is in world units along the ray.
    """
    pixels, depth = camera.project(points)
    inside = (depth > 0) & ((pixels >= 0) & (pixels < camera.resolution)).all(axis=1)
    directions = points - camera.centre
    t, _ = scene.first_hits(np.broadcast_to(camera.centre, directions.shape), directions)
    distance = np.linalg.norm(directions, axis=1)
    # t is 1 at the point itself; a miss (0) means that the ray slipped past the very edge it aims at.
    return np.asarray(inside & ((t == 0) | (t * distance > distance - tolerance)))
